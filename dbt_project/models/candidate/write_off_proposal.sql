-- The customers of whom bills are proposed to be written off, each with what speaks for it.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

bills as (

    select * from {{ ref('hopeless_bill') }}

),

debtors as (

    select * from {{ ref('debtor') }}

),

stages as (

    select * from {{ ref('dunning') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

hopeless as (

    select
        customer_id,
        sum(open_amount) as proposed_amount,
        count(*) as overdue_bills,
        min(due_on) as oldest_due_on,
        max(returned_on) as returned_on
    from bills
    group by customer_id

),

as_contracted as (

    select
        cast(hopeless.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(debtors.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(hopeless.proposed_amount as numeric(18, 2)) as proposed_amount,
        cast(hopeless.overdue_bills as integer) as overdue_bills,
        cast(hopeless.oldest_due_on as date) as oldest_due_on,
        cast(stages.insolvent_since as date) as insolvent_since,
        cast(hopeless.returned_on as date) as returned_by_agency_on,
        cast(customers.closed_on as date) as closed_on,
        cast(stages.last_step as {{ dbt.type_string() }}) as last_step,
        cast(stages.last_step_on as date) as last_step_on,
        cast(debtors.policy_version as {{ dbt.type_string() }}) as policy_version
    from hopeless
    inner join debtors
        on hopeless.customer_id = debtors.customer_id
    inner join stages
        on hopeless.customer_id = stages.customer_id
    left join customers
        on hopeless.customer_id = customers.customer_id

)

select * from as_contracted

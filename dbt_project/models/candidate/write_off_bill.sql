-- The bills proposed to be written off, with what speaks for it and when the claim is barred.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

with

bills as (

    select * from {{ ref('hopeless_bill') }}

),

debtors as (

    select * from {{ ref('debtor') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

as_contracted as (

    select
        cast(bills.bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(bills.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(debtors.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(bills.open_amount as numeric(18, 2)) as proposed_amount,
        cast(bills.because as {{ dbt.type_string() }}) as because,
        cast(bills.due_on as date) as due_on,
        cast(bills.limitation_on as date) as limitation_on,
        cast(bills.interrupted_by as {{ dbt.type_string() }}) as interrupted_by,
        cast(bills.interrupted_on as date) as interrupted_on,
        cast(debtors.policy_version as {{ dbt.type_string() }}) as policy_version
    from bills
    inner join debtors
        on bills.customer_id = debtors.customer_id
    left join customers
        on bills.customer_id = customers.customer_id

)

select * from as_contracted

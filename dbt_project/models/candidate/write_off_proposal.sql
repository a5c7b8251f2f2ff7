-- The debts that nothing more is to be hoped of, each with what speaks for it.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

debtors as (

    select * from {{ ref('debtor') }}
    where overdue_amount > 0

),

stages as (

    select * from {{ ref('dunning') }}
    where written_off_on is null

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

hopeless as (

    select
        debtors.*,
        stages.insolvent_since,
        stages.returned_on,
        stages.last_step,
        stages.last_step_on,
        customers.segment,
        customers.region,
        customers.org_unit,
        customers.closed_on
    from debtors
    inner join stages
        on debtors.customer_id = stages.customer_id
    inner join policies
        on debtors.policy_version = policies.policy_version
    left join customers
        on debtors.customer_id = customers.customer_id
    where
        debtors.days_overdue >= policies.write_off_days
        or stages.insolvent_since is not null
        or stages.returned_on >= coalesce(stages.referred_on, stages.returned_on)

),

as_contracted as (

    select
        cast(customer_id as text) as customer_id,
        cast(segment as text) as segment,
        cast(region as text) as region,
        cast(org_unit as text) as org_unit,
        cast(officer_id as text) as officer_id,
        cast(overdue_amount as numeric(18, 2)) as proposed_amount,
        cast(overdue_bills as integer) as overdue_bills,
        cast(oldest_due_on as date) as oldest_due_on,
        cast(insolvent_since as date) as insolvent_since,
        cast(returned_on as date) as returned_by_agency_on,
        cast(closed_on as date) as closed_on,
        cast(last_step as text) as last_step,
        cast(last_step_on as date) as last_step_on,
        cast(policy_version as text) as policy_version
    from hopeless

)

select * from as_contracted

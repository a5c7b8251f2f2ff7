-- The rows that this run replaces in what is published: those of the customers whom a fact concerns.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

late_bills as (

    select * from {{ ref('late_bill') }}

),

as_contracted as (

    select
        cast(late_bills.bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(late_bills.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(late_bills.amount as numeric(18, 2)) as amount,
        cast(late_bills.overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(late_bills.open_amount as numeric(18, 2)) as open_amount,
        cast(late_bills.contested_amount > 0 as boolean) as is_disputed,
        cast(late_bills.contested_amount as numeric(18, 2)) as contested_amount,
        cast(late_bills.days_charged as integer) as days_charged,
        cast(late_bills.charge_of_year as numeric(18, 2)) as charge_of_year,
        cast(late_bills.charge_carried_over as numeric(18, 2)) as charge_carried_over,
        cast(late_bills.accrued_charge as numeric(18, 6)) as accrued_charge,
        cast(late_bills.late_charge as numeric(18, 2)) as late_charge,
        cast(late_bills.daily_charge as numeric(18, 6)) as daily_charge,
        cast(late_bills.least_charge as numeric(18, 2)) as least_charge,
        cast(late_bills.due_on as date) as due_on,
        cast(late_bills.charged_through as date) as charged_through,
        cast(late_bills.settled_on as date) as settled_on,
        cast(late_bills.policy_version as {{ dbt.type_string() }}) as policy_version
    from scope
    inner join late_bills
        on scope.customer_id = late_bills.customer_id

)

select * from as_contracted

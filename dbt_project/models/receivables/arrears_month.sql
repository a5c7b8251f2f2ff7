-- What was overdue when a month began, and what of it was collected within the month, less what came back.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        has_window=true,
        indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}],
    )
}}

with

dates as (

    select
        touched.as_of_date,
        all_dates.previous_month_end as opened_on
    from {{ ref('touched_date') }} as touched
    inner join {{ ref('as_of_date') }} as all_dates
        on touched.as_of_date = all_dates.as_of_date

),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date in ({{ past_month_ends() }})

),

balances as (

    select * from {{ ref('bill_balance') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

arrears as (

    select
        dates.as_of_date,
        dates.opened_on,
        open_bills.bill_id,
        open_bills.customer_id,
        open_bills.open_amount
    from dates
    inner join open_bills
        on
            dates.opened_on = open_bills.as_of_date
            and dates.opened_on > open_bills.due_on

),

paid as (

    select
        arrears.*,
        balances_now.paid_amount - balances_then.paid_amount as collected_amount
    from arrears
    inner join balances as balances_then
        on
            arrears.bill_id = balances_then.bill_id
            and arrears.opened_on >= balances_then.valid_from
            and arrears.opened_on < balances_then.valid_to
    inner join balances as balances_now
        on
            arrears.bill_id = balances_now.bill_id
            and arrears.as_of_date >= balances_now.valid_from
            and arrears.as_of_date < balances_now.valid_to

),

months as (

    select
        paid.as_of_date,
        {{ place(with_names=true) }},
        max(paid.opened_on) as opened_on,
        {{ money('sum(paid.open_amount)') }} as arrears_amount,
        {{ money('sum(paid.collected_amount)') }} as collected_amount
    from paid
    left join customers
        on paid.customer_id = customers.customer_id
    group by
        paid.as_of_date,
        {{ place() }}

)

select * from months

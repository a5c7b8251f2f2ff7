-- What was open when a month began, overdue or not due yet, and what of it was collected within the month, less what
-- came back.
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

carried as (

    select
        dates.as_of_date,
        dates.opened_on,
        open_bills.bill_id,
        open_bills.customer_id,
        open_bills.open_amount,
        dates.opened_on > open_bills.due_on as is_overdue
    from dates
    inner join open_bills
        on dates.opened_on = open_bills.as_of_date

),

-- What a bill had been paid beyond what it stands at now did not come back: it pays another.
paid as (

    select
        carried.*,
        balances_now.paid_amount
        - least(balances_then.paid_amount, balances_now.amount - balances_now.credited_amount)
            as collected_amount
    from carried
    inner join balances as balances_then
        on
            carried.bill_id = balances_then.bill_id
            and carried.opened_on >= balances_then.valid_from
            and carried.opened_on < balances_then.valid_to
    inner join balances as balances_now
        on
            carried.bill_id = balances_now.bill_id
            and carried.as_of_date >= balances_now.valid_from
            and carried.as_of_date < balances_now.valid_to

),

months as (

    select
        paid.as_of_date,
        {{ place(with_names=true) }},
        max(paid.opened_on) as opened_on,
        {{ money('sum(case when paid.is_overdue then paid.open_amount end)') }} as arrears_amount,
        {{ money('sum(case when paid.is_overdue then paid.collected_amount end)') }} as collected_amount,
        {{ money('sum(case when not paid.is_overdue then paid.open_amount end)') }} as not_due_amount,
        {{ money('sum(case when not paid.is_overdue then paid.collected_amount end)') }} as not_due_collected_amount
    from paid
    left join customers
        on paid.customer_id = customers.customer_id
    group by
        paid.as_of_date,
        {{ place() }}

)

select * from months

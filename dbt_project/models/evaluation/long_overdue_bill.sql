-- Bills that stood open for long, as they are known on the last day, each with the day it was settled: one that was cancelled
-- unpaid was never owed.
{{ config(schema='outcomes', indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

with

balances as (

    select * from {{ ref('bill_balance') }}
    where judged_amount > 0

),

latest_date as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

open_bills as (

    select
        balances.bill_id,
        balances.customer_id,
        balances.due_on,
        coalesce(balances.settled_on, {{ end_of_time() }}) as open_until
    from balances
    inner join latest_date
        on
            balances.valid_from <= latest_date.as_of_date
            and balances.valid_to > latest_date.as_of_date

),

late_bills as (

    select
        bill_id,
        customer_id,
        cast({{ dbt.dateadd('day', var('evaluation').indeterminate_days_overdue + 1, 'due_on') }} as date) as late_on,
        cast({{ dbt.dateadd('day', var('evaluation').default_days_overdue + 1, 'due_on') }} as date) as defaulted_on,
        open_until
    from open_bills
    where open_until >= {{ dbt.dateadd('day', var('evaluation').indeterminate_days_overdue + 1, 'due_on') }}

)

select * from late_bills

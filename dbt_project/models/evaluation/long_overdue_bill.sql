-- Bills that stood open for long, as they are known on the last day, each with the day it was settled: one that was
-- cancelled unpaid was never owed. Days on which all that was open of a bill was disputed are none of them.
{{ config(schema='outcomes', indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

{%- set thresholds = {
    'late_on': var('evaluation').indeterminate_days_overdue + 1,
    'defaulted_on': var('evaluation').default_days_overdue + 1
} %}
with

balances as (

    select * from {{ ref('bill_balance') }}
    where judged_amount > 0

),

disputes as (

    select * from {{ ref('dispute_span') }}

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

-- Spans in which more was open of a disputed bill than was contested.
in_force as (

    select
        balances.bill_id,
        balances.due_on,
        balances.valid_from,
        balances.valid_to
    from balances
    inner join latest_date
        on balances.valid_from <= latest_date.as_of_date
    where
        balances.open_amount > balances.disputed_amount
        and balances.bill_id in (select disputes.bill_id from disputes)

),

counted as (

    select
        {%- for name, days in thresholds.items() %}
        {%- set day = 'cast(' ~ dbt.dateadd('day', days, 'due_on') ~ ' as date)' %}
        min(case when valid_to > {{ day }} then greatest(valid_from, {{ day }}) end) as {{ name }},
        {%- endfor %}
        bill_id
    from in_force
    group by bill_id

),

late_bills as (

    select
        open_bills.bill_id,
        open_bills.customer_id,
        {%- for name, days in thresholds.items() %}
        case
            when open_bills.bill_id in (select disputes.bill_id from disputes)
                then coalesce(counted.{{ name }}, {{ end_of_time() }})
            else cast({{ dbt.dateadd('day', days, 'open_bills.due_on') }} as date)
        end as {{ name }},
        {%- endfor %}
        open_bills.open_until
    from open_bills
    left join counted
        on open_bills.bill_id = counted.bill_id

)

select * from late_bills
where
    open_until >= late_on
    and late_on < {{ end_of_time() }}

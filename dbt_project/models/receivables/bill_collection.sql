-- What of each bill had been collected by so many days after its due date, and by the end of the month in which it was
-- issued.
{{
    config(
        materialized='incremental',
        keys_of='moved_scope',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set days_collected = [0, 30, 60, 90, 180] %}
with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

balances as (

    select * from {{ ref('bill_balance') }}

),

balances_then as (

    select
        balances.*,
        scope.as_of_date,
        cast({{ dbt.date_trunc('month', 'balances.issued_on') }} as date) as billed_month
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from

),

-- Where the days have not passed, what was collected by now: the same until a fact changes it.
collected as (

    select
        bill_id,
        customer_id,
        issued_on,
        billed_month,
        due_on,
        {{ money('sum(case when as_of_date < valid_to then amount - credited_amount else 0 end)') }} as standing_amount,
        {%- for days in days_collected %}
        {%- set by_then = 'least(' ~ dbt.dateadd('day', days, 'due_on') ~ ', as_of_date)' %}
        {{ money(
            'sum(case when valid_from <= ' ~ by_then ~ ' and valid_to > ' ~ by_then ~ ' then paid_amount else 0 end)'
        ) }}
            as paid_{{ days }},
        {%- endfor %}
        {%- set last_billed_day = dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'billed_month')) %}
        {%- set by_then = 'least(' ~ last_billed_day ~ ', as_of_date)' %}
        {{ money(
            'sum(case when valid_from <= ' ~ by_then ~ ' and valid_to > ' ~ by_then ~ ' then paid_amount else 0 end)'
        ) }}
            as paid_in_month
    from balances_then
    group by bill_id, customer_id, issued_on, billed_month, due_on

),

-- What was paid before a credit note came is no part of what the bill stands at since.
capped as (

    select
        bill_id,
        customer_id,
        billed_month,
        due_on,
        standing_amount,
        {%- for days in days_collected %}
        least(paid_{{ days }}, standing_amount) as collected_{{ days }},
        {%- endfor %}
        least(paid_in_month, standing_amount) as collected_in_month
    from collected

)

select * from capped

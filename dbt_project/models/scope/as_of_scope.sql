-- The days as of which this run computes each customer: the last day for everybody, month-ends and evaluation days that
-- facts reach.
-- Read by incremental runs alone: depends_on: {{ ref('change_scope') }}
{{ config(indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}

{%- set is_incremental_build = is_incremental_build() %}
with

dates as (

    select * from {{ ref('evaluation_date') }}

),

known_customers as (

    {{ known_from(none) }}

),

month_ends as (

    select * from {{ ref('month_end_scope') }}
    where is_known

),

evaluation_days as (

    select * from {{ ref('evaluation_day') }}
    where as_of_date >= cast('{{ warned_from() }}' as date)

),

{% if is_incremental_build %}
changed_customers as (

    select * from {{ ref('change_scope') }}

),
{% endif %}
evaluations as (

    select
        evaluation_days.as_of_date,
        evaluation_days.customer_id
    from evaluation_days
    {%- if is_incremental_build %}
    left join changed_customers
        on evaluation_days.customer_id = changed_customers.customer_id
    where
        {{ moved('evaluation_days.as_of_date') }}
        or evaluation_days.as_of_date >= changed_customers.changed_from
    {%- endif %}

),

last_day as (

    select
        dates.as_of_date,
        known_customers.customer_id,
        {{ 'true' if is_month_end(as_of_dates() | last) else 'evaluation_days.customer_id is not null' }}
            as is_evaluated
    from known_customers
    inner join dates
        on
            dates.is_latest
            and known_customers.known_from <= dates.as_of_date
    left join evaluation_days
        on
            dates.as_of_date = evaluation_days.as_of_date
            and known_customers.customer_id = evaluation_days.customer_id

),

pairs as (

    select
        as_of_date,
        customer_id,
        is_evaluated
    from last_day

    union all

    select
        as_of_date,
        customer_id,
        as_of_date >= cast('{{ warned_from() }}' as date) as is_evaluated
    from month_ends

    union all

    select
        as_of_date,
        customer_id,
        true as is_evaluated
    from evaluations
    where as_of_date < {{ last_day() }}

),

scope as (

    select
        pairs.as_of_date,
        pairs.customer_id,
        dates.is_covered,
        pairs.is_evaluated
    from pairs
    inner join dates
        on pairs.as_of_date = dates.as_of_date

)

select * from scope

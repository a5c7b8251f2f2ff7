-- What warning rules speak of, on every day that a customer was looked at: the days between, the month-ends, and the last
-- day where it is one.
-- Read on month-ends alone: depends_on: {{ ref('customer_feature') }} {{ ref('rating') }} {{ ref('credit_position') }}
{{ config(materialized='view', keys_of='warning_scope') }}

{%- set scopes = ['warning_day_scope', 'month_end_scope'] + (['customer_scope'] if is_month_end(var('as_of_dates') | last) else []) %}
with

ratings_before as (

    select * from {{ ref('rating_at_month_end') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),
{% for scope in scopes %}
{{ scope }}_dates as (

    {{ dates_of(scope) }}

),

{{ scope }}_features as (

    select * from {{ ref(of_scope('customer_feature', scope)) }}

),

{{ scope }}_ratings as (

    select * from {{ ref(of_scope('rating', scope)) }}

),

{{ scope }}_positions as (

    select * from {{ ref(of_scope('credit_position', scope)) }}

),

{{ scope }}_facts as (

    select
        dates.as_of_date,
        ratings.customer_id,
        ratings.policy_version,
        customers.segment,
        {%- for feature in features() %}
        features.{{ feature }},
        {%- endfor %}
        {{ dbt.datediff('dates.as_of_date', 'features.next_due_on', 'day') }} as days_to_next_due,
        positions.open_amount,
        positions.exposure,
        positions.utilisation,
        ratings.grade_rank,
        ratings.grade_rank - ratings_before.grade_rank as grade_steps_down
    from {{ scope }}_ratings as ratings
    inner join {{ scope }}_dates as dates
        on {{ 'ratings.as_of_date = dates.as_of_date' if is_past(scope) else 'true' }}
    inner join {{ scope }}_features as features
        on
            ratings.customer_id = features.customer_id
            {{ 'and ratings.as_of_date = features.as_of_date' if is_past(scope) }}
    inner join {{ scope }}_positions as positions
        on
            ratings.customer_id = positions.customer_id
            {{ 'and ratings.as_of_date = positions.as_of_date' if is_past(scope) }}
    inner join customers
        on ratings.customer_id = customers.customer_id
    left join ratings_before
        on
            dates.previous_month_end = ratings_before.as_of_date
            and ratings.customer_id = ratings_before.customer_id
    {%- if scope == 'month_end_scope' %}
    where dates.as_of_date >= cast('{{ var("warned_from") }}' as date)
    {%- endif %}

),
{% endfor %}
facts as (
    {% for scope in scopes %}
    select * from {{ scope }}_facts
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
)

select * from facts

-- Whose warnings this run computes: everybody's, or those evaluated on a new day, and those that change with the days.
-- Read by incremental runs alone: depends_on: {{ ref('as_of_scope') }} {{ ref('customer_scope') }}
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{#- On a month-end everybody is evaluated. #}
{%- set covers_everybody = var('is_new_month') or is_month_end(as_of_dates() | last) %}
{%- set is_incremental_build = is_incremental_build() and not covers_everybody %}
with

{% if is_incremental_build %}
days as (

    select * from {{ ref('as_of_scope') }}
    where is_evaluated

),

changes as (

    select * from {{ ref('change_scope') }}

),

-- Their exposure, which says how much is at risk, may be another today.
last_day as (

    select * from {{ ref('customer_scope') }}

),

-- As the last release left them; no ref, since this run's are made for this scope.
warnings_before as (

    select * from {{ this.incorporate(path={'schema': var('schema_prefix') ~ 'warnings', 'identifier': 'warning'}) }}

),

touched as (

    select customer_id from days

    union

    select customer_id from changes

    union

    select customer_id from warnings_before
    where
        {{ moved('escalates_on') }}
        or {{ moved('clears_on') }}

    union

    select last_day.customer_id
    from last_day
    inner join warnings_before
        on last_day.customer_id = warnings_before.customer_id
    where warnings_before.status <> 'cleared'

)
{% else %}
customers as (

    {{ known_from(none) }}

),

touched as (

    select customer_id from customers

    union

    -- Also those who are no longer known: their warnings go.
    select customer_id from {{ ref('change_scope') }}

)
{% endif %}
select * from touched

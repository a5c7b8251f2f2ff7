-- Whose warnings this run computes: everybody's, or those evaluated on a new day, those whose figures of the last day
-- may be others, and those that change with the days.
-- Read by incremental runs alone: depends_on: {{ ref('as_of_scope') }} {{ ref('customer_scope') }}
-- depends_on: {{ ref('bill_balance') }} {{ ref('stg_warning_acknowledgement') }}
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{#- On a month-end everybody is evaluated. #}
{%- set covers_everybody = var('is_new_month') or is_month_end(as_of_dates() | last) %}
{%- set is_incremental_build = is_incremental_build() and not covers_everybody %}
{%- set days_before_due = warned_days_before_due() %}
with

{% if is_incremental_build %}
{%- if days_before_due %}
-- Of a fact that a rule names, the days to the next due date alone change without any other.
coming_bills as (

    select * from {{ ref('bill_balance') }}
    where
        open_amount > 0
        and valid_from <= {{ last_day() }}
        and valid_to > {{ last_day() }}
        and due_on >= {{ last_day() }}
        and due_on <= {{ dbt.dateadd('day', days_before_due, last_day()) }}

),

{% endif -%}
days as (

    select * from {{ ref('as_of_scope') }}
    where is_evaluated

),

changes as (

    select * from {{ ref('change_scope') }}

),

-- Their facts, which the rules are asked of on the last day too, may be others.
last_day as (

    select * from {{ ref('customer_scope') }}

),

notes as (

    select * from {{ ref('stg_warning_acknowledgement') }}

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

    -- A note may be dated after the last day of the run that loaded it.
    select customer_id from notes
    where {{ moved('acknowledged_on') }}

    union

    select customer_id from last_day
    {%- if days_before_due %}

    union

    select customer_id from coming_bills
    {%- endif %}

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

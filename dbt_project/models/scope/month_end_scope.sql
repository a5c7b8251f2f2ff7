-- Which month-end rows this run replaces: all, or those of new month-ends and those that changed facts reach back to.
-- Read by incremental runs alone: depends_on: {{ ref('change_scope') }}
{{ config(indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}

{%- set is_incremental_build = is_incremental_build() %}
{%- set new_month_ends = var('new_month_ends') %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where not is_latest

),

{% if is_incremental_build %}
changed_customers as (

    select * from {{ ref('change_scope') }}

),
{% endif %}
known_customers as (

    {{ known_from('changed_customers' if is_incremental_build and not new_month_ends else none) }}

),

touched as (

    select
        dates.as_of_date,
        known_customers.customer_id
    from known_customers
    inner join dates
        on known_customers.known_from <= dates.as_of_date
    {%- if is_incremental_build %}
    where dates.as_of_date in ({{ date_list(new_month_ends or ['0001-01-01']) }})

    union

    select
        dates.as_of_date,
        changed_customers.customer_id
    from changed_customers
    inner join dates
        on changed_customers.changed_from <= dates.as_of_date
    {%- endif %}

),

scope as (

    select
        touched.as_of_date,
        touched.customer_id,
        coalesce(known_customers.known_from <= touched.as_of_date, false) as is_known
    from touched
    left join known_customers
        on touched.customer_id = known_customers.customer_id

)

select * from scope

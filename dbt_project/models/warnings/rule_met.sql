-- From which look at a customer until which later one a warning rule held.
{{
    config(
        materialized='incremental',
        keys_of='warning_scope',
        indexes=[{'columns': ['customer_id', 'rule', 'met_from'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

last_days as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

ratings as (

    select * from {{ ref('rating') }}

),
{% for sibling in ('_at_month_end', '_on_warning_day') %}
ratings{{ sibling }} as (

    select * from {{ ref('rating' ~ sibling) }}
    where as_of_date >= cast('{{ var("warned_from") }}' as date)

),
{% endfor %}
found_now as (

    select * from {{ ref('rule_look') }}

),

found_at_month_end as (

    select * from {{ ref('rule_look_at_month_end') }}
    where as_of_date >= cast('{{ var("warned_from") }}' as date)

),

found_on_warning_day as (

    select * from {{ ref('rule_look_on_warning_day') }}

),

-- Who has a rating on a day was looked at on it.
looks as (
    {% for sibling in ('_at_month_end', '_on_warning_day') %}
    select
        scope.customer_id,
        ratings{{ sibling }}.as_of_date
    from scope
    inner join ratings{{ sibling }}
        on scope.customer_id = ratings{{ sibling }}.customer_id

    union all
    {% endfor %}
    select
        scope.customer_id,
        last_days.as_of_date
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    cross join last_days
    where {{ 'true' if is_month_end(var('as_of_dates') | last) else 'false' }}

),

looks_in_order as (

    select
        customer_id,
        as_of_date,
        lead(as_of_date) over (
            partition by customer_id
            order by as_of_date
        ) as looked_at_next
    from looks

),

found as (
    {% for sibling in ('now', 'at_month_end', 'on_warning_day') %}
    select found.*
    from scope
    inner join found_{{ sibling }} as found
        on scope.customer_id = found.customer_id
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

met as (

    select
        found.customer_id,
        found.rule,
        found.policy_version,
        found.evidence,
        found.as_of_date as met_from,
        looks_in_order.looked_at_next as met_until
    from found
    inner join looks_in_order
        on
            found.customer_id = looks_in_order.customer_id
            and found.as_of_date = looks_in_order.as_of_date

)

select * from met

-- What customers did and had happen to them besides paying, as of each day of the scope. Ages are counted in calendar
-- months, so that nothing here changes within a month unless a fact comes in.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set age = months_after('events.happened_on', 'scope.as_of_date') -%}
{%- set stands = '(events.ended_on is null or events.ended_on > scope.as_of_date)' -%}
with

scope as (

    select * from {{ ref('as_of_scope') }}

),

events as (

    select * from {{ ref('customer_event') }}

),

conduct as (

    select
        scope.as_of_date,
        scope.customer_id,
        cast(
            coalesce(
                {{
                    rounded_ratio(
                        "sum(case when events.kind in ('theft', 'breach') and " ~ age ~ " < 36 then 36 - " ~ age ~ " end)",
                        '36.0',
                        2
                    )
                }},
                0
            ) as numeric(6, 2)
        ) as theft_or_breach_36m,
        {%- for name, definition in event_features().items() %}
        count(case when {{ counts_event(definition, 'events', 'scope.as_of_date') }} then 1 end) as {{ name }},
        {%- endfor %}
        count(case when events.extract = 'external_risk' and {{ stands }} then 1 end) as external_risk,
        -- From the score to the middle of its scale in 12 months; older than that it says nothing.
        cast(
            {{ rounded_ratio(
                "sum(case when events.extract = 'investigation' and " ~ stands ~ " and " ~ age ~ " < 12"
                ~ " then 600 + (events.standing - 50) * (12 - " ~ age ~ ") end)",
                '12.0',
                2
            ) }} as numeric(6, 2)
        ) as investigated_standing,
        min(case when events.extract = 'investigation' then {{ age }} end) as months_since_review,
        count(case when events.kind = 'guarantor' and {{ stands }} then 1 end) as guarantors
    from scope
    inner join events
        on
            scope.customer_id = events.customer_id
            and scope.as_of_date >= events.happened_on
    group by scope.as_of_date, scope.customer_id

)

select * from conduct

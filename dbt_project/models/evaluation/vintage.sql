-- Of those rated at a month-end the share who had defaulted so many months later, also where the window is not over.
{{ config(indexes=[{'columns': ['as_of_date', 'months_after'], 'unique': true}]) }}

with

outcomes as (

    select * from {{ ref('outcome') }}
    where exclusion is null or exclusion = 'window not over'

),

latest_date as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

months as (

    {% for months in range(1, 13) %}
    select {{ months }} as months_after
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

cohorts as (

    select
        as_of_date,
        count(*) as customers
    from outcomes
    group by as_of_date

),

points as (

    select
        cohorts.as_of_date,
        cohorts.customers,
        months.months_after,
        {% set reached = month_end_after('cohorts.as_of_date', 'months.months_after') %}
        {{ reached }} as reached_on
    from cohorts
    cross join months
    inner join latest_date
        on {{ reached }} <= latest_date.as_of_date

),

curves as (

    select
        points.as_of_date,
        points.months_after,
        points.customers,
        count(outcomes.customer_id) as defaults,
        cast({{ rounded_ratio('count(outcomes.customer_id)', 'points.customers', 6) }} as numeric(9, 6)) as default_rate
    from points
    left join outcomes
        on
            points.as_of_date = outcomes.as_of_date
            and points.reached_on >= outcomes.defaulted_on
    group by points.as_of_date, points.months_after, points.customers

)

select * from curves

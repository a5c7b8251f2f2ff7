-- How many customers of each grade that the policy gave defaulted after a month-end, by segment and region.
{{ config(indexes=[{'columns': ['as_of_date', 'segment', 'region', 'grade'], 'unique': true}]) }}

with

outcomes as (

    select * from {{ ref('outcome') }}
    where as_of_date in ({{ past_month_ends() }})

),

counted as (

    select
        as_of_date,
        segment,
        region,
        grade_by_policy as grade,
        max(policy_version) as policy_version,
        count(*) as customers,
        sum(case when is_overridden then 1 else 0 end) as overridden,
        count(outcome) as observed,
        sum(case when outcome = 'default' then 1 else 0 end) as defaults,
        sum(case when outcome = 'indeterminate' then 1 else 0 end) as indeterminate
    from outcomes
    group by as_of_date, segment, region, grade_by_policy

)

select * from counted

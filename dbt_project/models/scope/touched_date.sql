-- The dates whose totals this run recounts: the last day, and the month-ends in scope.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

scope as (

    select distinct as_of_date from {{ ref('month_end_scope') }}

),

touched as (

    select
        dates.as_of_date,
        dates.policy_version,
        dates.month_start,
        dates.is_latest
    from dates
    left join scope
        on dates.as_of_date = scope.as_of_date
    where
        dates.is_latest
        or scope.as_of_date is not null

)

select * from touched

-- Whether the shares of a date rest on a whole year of bills: all its months are covered, or there were no bills before
-- them. Of a date before any bill came to the age of default nothing is known.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

covered as (

    select min(previous_month_end) as covered_after from dates

),

bills as (

    select min({{ dbt.dateadd('day', default_days() + 1, 'due_on') }}) as first_default_on
    from {{ ref('bill_balance') }}

),

dated as (

    select
        dates.as_of_date,
        dates.previous_month_end,
        dates.policy_version,
        dates.is_latest,
        coalesce(
            dates.year_before >= covered.covered_after
            or (
                bills.first_default_on > covered.covered_after
                and bills.first_default_on <= dates.as_of_date
            ),
            false
        ) as has_whole_year
    from dates
    cross join covered
    cross join bills

)

select * from dated

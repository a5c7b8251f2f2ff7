-- Whether the shares of a date rest on a whole year of bills: all its months are covered, or there were no bills before
-- them. Of a date before any bill came to the age of default nothing is known.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

-- Twelve closed months end on a month-end, and before a last day that ends none.
dates as (

    select
        *,
        case
            when {{ is_running_month('as_of_date') }} then {{ month_end_after('previous_month_end', -12) }}
            else {{ month_end_after('as_of_date', -12) }}
        end as year_begins_after
    from {{ ref('as_of_date') }}

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
        dates.year_begins_after,
        coalesce(
            dates.year_begins_after >= covered.covered_after
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

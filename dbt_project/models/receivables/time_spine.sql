-- Days for metrics (models/metrics.yml): MetricFlow looks up in them what was a month before.
{{ config(indexes=[{'columns': ['date_day'], 'unique': true}]) }}

with

spine as (

    {{ dbt.date_spine(
        'day',
        "cast('" ~ (as_of_dates() | first) ~ "' as date)",
        "cast('" ~ day_after(as_of_dates() | last) ~ "' as date)"
    ) }}

),

days as (

    select cast(date_day as date) as date_day from spine

)

select * from days

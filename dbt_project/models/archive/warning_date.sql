-- Every day that may be looked at for warnings beside the month-ends: from the first one kept, a year back, to the last day.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

spine as (

    {{ dbt.date_spine('day', "cast('" ~ var('warned_from') ~ "' as date)", "cast('" ~ day_after(var('as_of_dates') | last) ~ "' as date)") }}

),

days as (

    select cast(date_day as date) as as_of_date
    from spine
    where cast({{ dbt.dateadd('day', 1, 'date_day') }} as date) <> cast({{ dbt.date_trunc('month', dbt.dateadd('day', 1, 'date_day')) }} as date)

),

dated as (

    {{ dated('days') }}

)

select * from dated

-- The evaluations of the stored year whose findings last: of those who had a rating, month-ends and the days that facts
-- name.
{{ config(materialized='view', keys_of='warning_scope') }}

with

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date >= cast('{{ warned_from() }}' as date)

),

evaluation_days as (

    select * from {{ ref('evaluation_day') }}

),

evaluations as (

    select
        ratings.customer_id,
        ratings.as_of_date
    from ratings
    left join evaluation_days
        on
            ratings.customer_id = evaluation_days.customer_id
            and ratings.as_of_date = evaluation_days.as_of_date
    where
        evaluation_days.customer_id is not null
        or not {{ is_running_month('ratings.as_of_date') }}

)

select * from evaluations

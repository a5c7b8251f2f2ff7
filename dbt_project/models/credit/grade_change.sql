-- The current grade compared with that of the month-end before.
{{ config(materialized='view', keys_of='customer_scope') }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

ratings_before as (

    select * from {{ ref('rating') }}
    where as_of_date = (select dates.previous_month_end from dates)

),

changes as (

    select
        ratings.customer_id,
        ratings.grade,
        ratings.grade_rank,
        ratings_before.grade as previous_grade,
        ratings.grade_rank - ratings_before.grade_rank as grade_steps_down
    from ratings
    left join ratings_before
        on ratings.customer_id = ratings_before.customer_id

)

select * from changes

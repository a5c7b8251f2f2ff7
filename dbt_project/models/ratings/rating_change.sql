with

dates as (

    select * from {{ ref('as_of_date') }}

),

ratings as (

    select * from {{ ref('rating') }}

),

changes as (

    select
        ratings.as_of_date,
        ratings.customer_id,
        ratings.grade,
        ratings.grade_rank,
        before.grade as previous_grade,
        ratings.grade_rank - before.grade_rank as grade_steps_down
    from ratings
    inner join dates
        on ratings.as_of_date = dates.as_of_date
    left join ratings as before
        on
            dates.previous_month_end = before.as_of_date
            and ratings.customer_id = before.customer_id

)

select * from changes

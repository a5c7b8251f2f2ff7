-- How many customers went from one grade to another from a month-end to the next.
{{ config(indexes=[{'columns': ['as_of_date', 'grade_before', 'grade'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

moves as (

    select
        ratings.as_of_date,
        ratings_before.grade as grade_before,
        ratings.grade,
        count(*) as customers
    from ratings
    inner join dates
        on ratings.as_of_date = dates.as_of_date
    inner join ratings as ratings_before
        on
            dates.previous_month_end = ratings_before.as_of_date
            and ratings.customer_id = ratings_before.customer_id
    group by ratings.as_of_date, ratings_before.grade, ratings.grade

)

select * from moves

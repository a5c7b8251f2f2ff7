-- How many customers went from one grade to another from a month-end to the next, or left.
{{ config(indexes=[{'columns': ['as_of_date', 'grade_before', 'grade'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where not is_latest

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

customers as (

    select * from {{ ref('stg_customer') }}

),

-- Who still has a contract on the day.
supplied as (

    select
        ratings.as_of_date,
        ratings.customer_id,
        ratings.grade
    from ratings
    inner join customers
        on ratings.customer_id = customers.customer_id
    where customers.closed_on is null or customers.closed_on > ratings.as_of_date

),

moves as (

    select
        dates.as_of_date,
        supplied_before.grade as grade_before,
        coalesce(supplied.grade, 'left') as grade,
        count(*) as customers
    from dates
    inner join supplied as supplied_before
        on dates.previous_month_end = supplied_before.as_of_date
    left join supplied
        on
            dates.as_of_date = supplied.as_of_date
            and supplied_before.customer_id = supplied.customer_id
    group by dates.as_of_date, supplied_before.grade, coalesce(supplied.grade, 'left')

)

select * from moves

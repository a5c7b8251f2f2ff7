with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_month_end

),

ratings as (

    select * from {{ ref('rating') }}

),

month_ends as (

    select
        cast(ratings.as_of_date as date) as as_of_date,
        cast(ratings.customer_id as text) as customer_id,
        cast(ratings.grade as text) as grade,
        cast(ratings.score as numeric(6, 2)) as score,
        cast(ratings.policy_version as text) as policy_version
    from ratings
    inner join dates
        on ratings.as_of_date = dates.as_of_date

)

select * from month_ends

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

ratings as (

    select * from {{ ref('rating') }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

reasons as (

    select * from {{ source('policy', 'reasons') }}

),

indicator_points as (

    select * from {{ ref('indicator_points') }}

),

explained as (

    select
        cast(ratings.customer_id as text) as customer_id,
        cast(indicators.indicator as text) as indicator,
        cast(indicators.dimension as text) as dimension,
        cast(indicator_points.indicator is not null as boolean) as is_available,
        cast(indicator_points.indicator_value as numeric(18, 4)) as indicator_value,
        cast(indicator_points.bin as integer) as bin,
        cast(indicator_points.points as numeric(6, 2)) as points,
        cast(indicators.weight as numeric(6, 2)) as weight,
        cast(indicator_points.reason_code as text) as reason_code,
        cast(reasons.text_en as text) as reason_en,
        cast(reasons.text_zh as text) as reason_zh
    from ratings
    inner join dates
        on ratings.as_of_date = dates.as_of_date
    inner join indicators
        on ratings.policy_version = indicators.policy_version
    left join indicator_points
        on
            ratings.as_of_date = indicator_points.as_of_date
            and ratings.customer_id = indicator_points.customer_id
            and indicators.indicator = indicator_points.indicator
    left join reasons
        on
            indicators.policy_version = reasons.policy_version
            and indicator_points.reason_code = reasons.reason_code

)

select * from explained

with

dates as (

    select * from {{ ref('as_of_date') }}

),

feature_values as (

    select * from {{ ref('feature_value') }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

bins as (

    select * from {{ source('policy', 'bins') }}

),

scored as (

    select
        feature_values.as_of_date,
        feature_values.customer_id,
        indicators.indicator,
        indicators.dimension,
        feature_values.feature_value as indicator_value,
        bins.bin,
        bins.points,
        indicators.weight,
        bins.reason_code,
        dates.policy_version
    from feature_values
    inner join dates
        on feature_values.as_of_date = dates.as_of_date
    inner join indicators
        on
            dates.policy_version = indicators.policy_version
            and feature_values.feature = indicators.indicator
    inner join bins
        on
            dates.policy_version = bins.policy_version
            and feature_values.feature = bins.indicator
            and (bins.lower_bound is null or feature_values.feature_value >= bins.lower_bound)
            and (bins.upper_bound is null or feature_values.feature_value < bins.upper_bound)

)

select * from scored

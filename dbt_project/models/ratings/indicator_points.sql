-- Points of the customers whose last-day rows this run replaces, an indicator a row.
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}

),

customer_features as (

    select * from {{ ref('customer_feature') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

bins as (

    select * from {{ source('policy', 'bins') }}

),

feature_values as (

    select
        scope.as_of_date,
        scope.customer_id,
        one.feature,
        one.feature_value
    from scope
    inner join customer_features
        on scope.customer_id = customer_features.customer_id
    {{ each_feature('customer_features') }}
    where one.feature_value is not null

),

scored as (

    select
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
    inner join customers
        on
            feature_values.customer_id = customers.customer_id
            and {{ applies_to('indicators.not_for', 'customers.segment') }}
    inner join bins
        on
            dates.policy_version = bins.policy_version
            and feature_values.feature = bins.indicator
            and (bins.lower_bound is null or feature_values.feature_value >= bins.lower_bound)
            and (bins.upper_bound is null or feature_values.feature_value < bins.upper_bound)

)

select * from scored

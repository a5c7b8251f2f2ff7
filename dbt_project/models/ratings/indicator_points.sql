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

indicator_values as (

    select
        scope.as_of_date,
        scope.customer_id,
        one.indicator,
        one.indicator_value
    from scope
    inner join customer_features
        on scope.customer_id = customer_features.customer_id
    {{ each_indicator('customer_features') }}
    where one.indicator_value is not null

),

scored as (

    select
        indicator_values.customer_id,
        indicators.indicator,
        indicators.dimension,
        indicator_values.indicator_value,
        bins.bin,
        bins.points,
        indicators.weight,
        bins.reason_code,
        dates.policy_version
    from indicator_values
    inner join dates
        on indicator_values.as_of_date = dates.as_of_date
    inner join indicators
        on
            dates.policy_version = indicators.policy_version
            and indicator_values.indicator = indicators.indicator
    inner join customers
        on
            indicator_values.customer_id = customers.customer_id
            and {{ applies_to('indicators.not_for', 'customers.segment') }}
    inner join bins
        on
            dates.policy_version = bins.policy_version
            and indicator_values.indicator = bins.indicator
            and (bins.lower_bound is null or indicator_values.indicator_value >= bins.lower_bound)
            and (bins.upper_bound is null or indicator_values.indicator_value < bins.upper_bound)

)

select * from scored

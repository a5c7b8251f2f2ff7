-- Points of the customers whose last-day rows this run replaces, an indicator a row.
{{ config(indexes=[{'columns': ['customer_id', 'indicator'], 'unique': true}]) }}

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
    where as_of_date = {{ last_day() }}

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
        scope.customer_id,
        dates.policy_version,
        one.indicator,
        one.indicator_value
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join customer_features
        on scope.customer_id = customer_features.customer_id
    {{ each_indicator('customer_features') }}
    where one.indicator_value is not null

),

binned as (

    select
        *,
        {{ indicator_bin() }} as bin
    from indicator_values

),

scored as (

    select
        binned.customer_id,
        binned.indicator,
        indicators.dimension,
        binned.indicator_value,
        bins.bin,
        bins.points,
        indicators.weight,
        bins.reason_code,
        binned.policy_version
    from binned
    inner join indicators
        on
            binned.policy_version = indicators.policy_version
            and binned.indicator = indicators.indicator
    inner join customers
        on
            binned.customer_id = customers.customer_id
            and {{ applies_to('indicators.not_for', 'customers.segment') }}
    inner join bins
        on
            binned.policy_version = bins.policy_version
            and binned.indicator = bins.indicator
            and binned.bin = bins.bin

)

select * from scored

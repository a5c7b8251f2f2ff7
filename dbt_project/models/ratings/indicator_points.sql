-- Points of the customers whose last-day rows this run replaces, an indicator a row.
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

bins as (

    select * from {{ source('policy', 'bins') }}

),

feature_values as (

    {%- for feature in features() %}
    select
        scope.as_of_date,
        scope.customer_id,
        '{{ feature }}' as feature,
        cast(behaviour.{{ feature }} as numeric) as feature_value
    from scope
    inner join behaviour
        on scope.customer_id = behaviour.customer_id
    where behaviour.{{ feature }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

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
    inner join bins
        on
            dates.policy_version = bins.policy_version
            and feature_values.feature = bins.indicator
            and (bins.lower_bound is null or feature_values.feature_value >= bins.lower_bound)
            and (bins.upper_bound is null or feature_values.feature_value < bins.upper_bound)

)

select * from scored

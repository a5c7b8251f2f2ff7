-- How far the population has moved within a year: its scores, and each indicator, by the bins of the policy.
{{ config(indexes=[{'columns': ['indicator'], 'unique': true}]) }}

{#- A constant, so that month-ends are looked up by it: the youngest that is a year back, else the oldest. -#}
{%- set month_ends, last_day = var('as_of_dates')[:-1], var('as_of_dates') | last %}
{%- set year_before = ((last_day[:4] | int) - 1) ~ last_day[4:] %}
{%- set base_date = (month_ends | select('le', year_before) | list | last) or (month_ends | first) %}
{%- set base_date = "cast('" ~ base_date ~ "' as date)" if base_date else 'cast(null as date)' %}
with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

features_now as (

    select * from {{ ref('customer_feature') }}

),

-- So many tell an index of 0.01 from none, however many customers there are.
sampled as (

    select
        customer_id,
        segment,
        {{ dbt.hash('customer_id') }} as place
    from customers
    order by place
    limit 5000

),

-- By their place: a join would be made after all that the view joins for everybody.
features_then as (

    select * from {{ ref('customer_feature_at_month_end') }}
    where
        as_of_date = {{ base_date }}
        and {{ dbt.hash('customer_id') }} <= (select max(place) from sampled)

),

scores_now as (

    select * from {{ ref('score') }}

),

scores_then as (

    select * from {{ ref('score_at_month_end') }}
    where as_of_date = {{ base_date }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

latest_date as (

    select * from dates
    where is_latest

),

indicators_now as (

    select
        sampled.segment,
        latest_date.policy_version,
        one.indicator,
        one.indicator_value
    from sampled
    cross join latest_date
    inner join features_now
        on sampled.customer_id = features_now.customer_id
    {{ each_indicator('features_now') }}

),

indicators_then as (

    select
        sampled.segment,
        latest_date.policy_version,
        one.indicator,
        one.indicator_value
    from sampled
    cross join latest_date
    inner join features_then
        on sampled.customer_id = features_then.customer_id
    {{ each_indicator('features_then') }}

),

values_of_both as (

    select
        *,
        true as is_now
    from indicators_now
    union all
    select
        *,
        false as is_now
    from indicators_then

),

binned as (

    select
        *,
        {{ indicator_bin() }} as bin
    from values_of_both

),

in_policy as (

    select
        binned.is_now,
        binned.indicator,
        binned.bin
    from binned
    inner join indicators
        on
            binned.policy_version = indicators.policy_version
            and binned.indicator = indicators.indicator
            and {{ applies_to('indicators.not_for', 'binned.segment') }}

),

-- Scores by tens, beside the indicators.
banded as (

    select * from in_policy
    union all
    select
        true as is_now,
        'score' as indicator,
        cast(floor(scores_now.score / 10) as integer) as bin
    from sampled
    inner join scores_now
        on sampled.customer_id = scores_now.customer_id
    union all
    select
        false as is_now,
        'score' as indicator,
        cast(floor(scores_then.score / 10) as integer) as bin
    from sampled
    inner join scores_then
        on sampled.customer_id = scores_then.customer_id

),

counted as (

    select
        indicator,
        bin,
        sum(case when is_now then 1 else 0 end) as customers,
        sum(case when is_now then 0 else 1 end) as customers_before
    from banded
    group by indicator, bin

),

totalled as (

    select
        *,
        sum(customers) over (partition by indicator) as customers_in_all,
        sum(customers_before) over (partition by indicator) as customers_in_all_before,
        sum(case when bin is not null then customers end) over (partition by indicator) as available,
        sum(case when bin is not null then customers_before end) over (partition by indicator) as available_before
    from counted

),

-- An empty bin counts as one in ten thousand, as is usual: its logarithm would be infinite.
shared as (

    select
        *,
        greatest(cast(customers as numeric) / available, 0.0001) as share,
        greatest(cast(customers_before as numeric) / available_before, 0.0001) as share_before
    from totalled
    where
        available >= 100
        and available_before >= 100
        and bin is not null

),

indices as (

    select
        indicator,
        cast(round(sum((share - share_before) * ln(share / share_before)), 4) as numeric(10, 4)) as psi
    from shared
    group by indicator

),

counts as (

    select
        indicator,
        max(customers_in_all) as customers,
        max(customers_in_all_before) as customers_before,
        cast(max(available) / nullif(max(customers_in_all), 0) as numeric(6, 4)) as available_share,
        cast(max(available_before) / nullif(max(customers_in_all_before), 0) as numeric(6, 4)) as available_share_before
    from totalled
    group by indicator

),

dated as (

    select
        counts.indicator,
        {{ base_date }} as base_date,
        latest_date.as_of_date,
        counts.customers,
        counts.customers_before,
        counts.available_share,
        counts.available_share_before,
        indices.psi,
        latest_date.policy_version
    from counts
    left join indices
        on counts.indicator = indices.indicator
    cross join latest_date

)

select * from dated

-- What customers used, as of each day of the scope: the last month before it that was measured, if it is one of the
-- four before. Seasons are those of the day's policy, so what needs them is computed here.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set by_season = ratio(ratio('earlier.energy_kwh', 'earlier.days_measured'), 'seasons.usage_index') %}
{#- By its key: as a CTE all of it would be read for each month. #}
{%- set seasons %}
            inner join {{ source('policy', 'season_indices') }} as seasons
                on extract(month from earlier.usage_month) = seasons.month
{%- endset %}
{%- set of_policy -%}
with_season.policy_version = seasons.policy_version and with_season.segment = seasons.segment
{%- endset %}
with

scope as (

    select * from {{ ref('as_of_scope') }}

),

dates as (

    select * from {{ ref('evaluation_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

seasons as (

    select * from {{ source('policy', 'season_indices') }}

),

latest as (

    select
        scope.as_of_date,
        scope.customer_id,
        profile.*
    from scope
    cross join lateral (
        select
            profiles.usage_month,
            profiles.trend_3m_pct as usage_trend,
            profiles.daily_kwh,
            profiles.load_kva_3m,
            coalesce(profiles.robust_z <= -3.5, false) as has_dropped,
            profiles.tamper_events_6m,
            profiles.estimated_months_3m,
            profiles.estimated_months_12m,
            profiles.gap_months_12m,
            profiles.energy_kwh_12m,
            profiles.peak_kwh_12m,
            profiles.max_demand_kw_12m,
            profiles.days_measured_12m,
            profiles.load_factor_12m,
            profiles.peak_share_12m,
            profiles.power_factor_12m,
            profiles.usage_growth_12m
        from {{ ref('usage_profile') }} as profiles
        where
            profiles.customer_id = scope.customer_id
            and {{ months_after('profiles.usage_month', 'scope.as_of_date') }} between 1 and 4
        order by profiles.usage_month desc
        limit 1
    ) as profile

),

with_season as (

    select
        latest.*,
        dates.policy_version,
        customers.segment,
        seasons.usage_index
    from latest
    inner join dates
        on latest.as_of_date = dates.as_of_date
    left join customers
        on latest.customer_id = customers.customer_id
    left join seasons
        on
            dates.policy_version = seasons.policy_version
            and customers.segment = seasons.segment
            and extract(month from latest.usage_month) = seasons.month

),

-- What a month of an even year would have taken, in the median, times the season of the month.
beside_usual as (

    select
        with_season.*,
        cast({{ rounded(product('past.median', 'with_season.usage_index'), 3) }} as numeric(18, 3)) as usual_daily_kwh
    from with_season
    cross join lateral {{ median_of_past('with_season', by_season, 6, seasons, of_policy) }} as past  -- noqa: ST05

)

select
    as_of_date,
    customer_id,
    usage_month,
    usage_trend,
    daily_kwh,
    cast(
        {{ rounded('100 * (' ~ ratio('daily_kwh', 'usual_daily_kwh') ~ ' - 1)', 1) }} as numeric(18, 1)
    ) as usage_against_segment,
    load_kva_3m,
    has_dropped,
    tamper_events_6m,
    estimated_months_3m,
    estimated_months_12m,
    gap_months_12m,
    energy_kwh_12m,
    peak_kwh_12m,
    max_demand_kw_12m,
    days_measured_12m,
    load_factor_12m,
    peak_share_12m,
    power_factor_12m,
    usage_growth_12m
from beside_usual

-- What customers used, as of each day of the scope: the last month before it that was measured, if it is one of the
-- four before. Seasons are those of the day's policy, so what needs them is computed here.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

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

last_months as (

    select
        scope.as_of_date,
        scope.customer_id,
        max(profiles.usage_month) as usage_month
    from scope
    inner join {{ ref('usage_profile') }} as profiles
        on
            scope.customer_id = profiles.customer_id
            and {{ months_after('profiles.usage_month', 'scope.as_of_date') }} between 1 and 4
    group by scope.as_of_date, scope.customer_id

),

latest as (

    select
        last_months.as_of_date,
        last_months.customer_id,
        last_months.usage_month,
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
    from last_months
    inner join {{ ref('usage_profile') }} as profiles
        on
            last_months.customer_id = profiles.customer_id
            and last_months.usage_month = profiles.usage_month

),

with_season as (

    select
        latest.*,
        cast({{ dbt.dateadd('month', -12, 'latest.usage_month') }} as date) as past_from,
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

-- What a day of an even year takes, in the median of the twelve months before.
even_days as (

    select
        with_season.as_of_date,
        with_season.customer_id,
        {{ median(ratio(ratio('earlier.energy_kwh', 'earlier.days_measured'), 'seasons.usage_index')) }} as median_kwh
    from with_season
    {{ beside_past('with_season', ref('usage_month')) }}
    inner join seasons
        on
            with_season.policy_version = seasons.policy_version
            and with_season.segment = seasons.segment
            and extract(month from earlier.usage_month) = seasons.month
    group by with_season.as_of_date, with_season.customer_id
    having count(*) >= 6

),

beside_usual as (

    select
        with_season.*,
        cast({{ rounded(product('even_days.median_kwh', 'with_season.usage_index'), 3) }} as numeric(18, 3))
            as usual_daily_kwh
    from with_season
    left join even_days
        on
            with_season.as_of_date = even_days.as_of_date
            and with_season.customer_id = even_days.customer_id

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

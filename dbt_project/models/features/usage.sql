-- What customers used, as of each day of the scope: the last month before it that was measured, if it is one of the
-- four before.
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
            profiles.median_daily_kwh,
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

)

select * from latest

-- Each month of use beside the customer's own past: what can be told of it once the month has ended.
-- Read by incremental runs alone: depends_on: {{ ref('usage_scope') }}
{{
    config(
        materialized='incremental',
        keys_of='usage_scope',
        indexes=[{'columns': ['customer_id', 'usage_month'], 'unique': true}],
    )
}}

with

months as (

    select
        *,
        {{ months_after("cast('2000-01-01' as date)", 'usage_month') }} as month_number,
        energy_kwh / nullif(days_measured, 0) as daily_kwh
    from {{ ref('usage_month') }}
    {%- if is_incremental() %}
    where customer_id in (select customer_id from {{ ref('usage_scope') }})
    {%- endif %}

),

-- A month counts in a trend where the same month a year before was measured without a gap too.
compared as (

    select
        months.*,
        months.energy_kwh / nullif(24 * months.days_measured * months.max_demand_kw, 0) as load_factor,
        before.daily_kwh as daily_kwh_before,
        case when not months.has_gap and not before.has_gap then months.daily_kwh end as compared_kwh,
        case when not months.has_gap and not before.has_gap and months.daily_kwh is not null then before.daily_kwh end
            as compared_before_kwh
    from months
    left join months as before
        on
            months.customer_id = before.customer_id
            and months.month_number = before.month_number + 12

),

windowed as (

    select
        *,
        count(compared_before_kwh) over quarter as months_compared,
        sum(compared_kwh) over quarter as quarter_kwh,
        sum(compared_before_kwh) over quarter as quarter_before_kwh,
        sum(energy_kwh) over quarter / nullif(24 * sum(days_measured) over quarter, 0) as mean_load_kw_3m,
        max(max_demand_kw) over quarter as max_demand_kw_3m,
        sum(case when readings > 0 and estimated_readings = readings then 1 else 0 end) over quarter as estimated_months_3m,
        sum(tamper_events + reverse_events) over half_year as tamper_events_6m
    from compared
    window
        quarter as (
            partition by customer_id
            order by month_number
            range between 2 preceding and current row
        ),
        half_year as (
            partition by customer_id
            order by month_number
            range between 5 preceding and current row
        )

),

-- The median of the twelve months before, which one odd month does not move.
beside_median as (

    select
        windowed.*,
        past.median as median_kwh
    from windowed
    cross join lateral {{ median_of_past('windowed', 'energy_kwh / days_measured', at_least=6) }} as past

),

-- How usual such a distance from it is, asked only where use has fallen by a third, by the season's measure too.
beside_deviation as (

    select
        beside_median.*,
        past.median as median_deviation_kwh
    from beside_median
    left join lateral {{ median_of_past('beside_median', 'abs(energy_kwh / days_measured - beside_median.median_kwh)') }} as past
        on
            beside_median.daily_kwh < beside_median.median_kwh * 2 / 3
            and (
                beside_median.daily_kwh_before is null
                or beside_median.daily_kwh < beside_median.daily_kwh_before * 2 / 3
            )

),

profiles as (

    select
        customer_id,
        usage_month,
        energy_kwh,
        cast(daily_kwh as numeric(18, 3)) as daily_kwh,
        cast(load_factor as numeric(18, 4)) as load_factor,
        cast(peak_kwh / nullif(energy_kwh, 0) as numeric(18, 4)) as peak_share,
        cast({{ power_factor('energy_kwh', 'reactive_kvarh') }} as numeric(18, 4)) as power_factor,
        cast(median_kwh as numeric(18, 3)) as median_daily_kwh,
        -- 1.4826 median deviations of a normal distribution are its standard deviation; a very steady use is taken as one
        -- that moves by a hundredth.
        case
            when median_deviation_kwh is not null and median_kwh > 0
                then cast(
                    greatest(
                        (daily_kwh - median_kwh) / (1.4826 * greatest(median_deviation_kwh, median_kwh / 100)), -99
                    ) as numeric(18, 2)
                )
        end as robust_z,
        case
            when months_compared = 3 and quarter_before_kwh > 0
                then cast(round(100 * (quarter_kwh / quarter_before_kwh - 1), 1) as numeric(18, 1))
        end as trend_3m_pct,
        cast(coalesce(max_demand_kw_3m, mean_load_kw_3m) as numeric(18, 3)) as load_kw_3m,
        cast(estimated_months_3m as integer) as estimated_months_3m,
        cast(tamper_events_6m as integer) as tamper_events_6m,
        has_gap
    from beside_deviation

)

select * from profiles

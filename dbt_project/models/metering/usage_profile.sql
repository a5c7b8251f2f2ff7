-- Each month of use compared with the customer's own past: what is known of it once the month has ended.
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
        cast({{ dbt.dateadd('month', -12, 'usage_month') }} as date) as past_from,
        {{ ratio('energy_kwh', 'days_measured') }} as daily_kwh,
        {{ rounded(power_factor('energy_kwh', 'reactive_kvarh'), 2) }} as factor_of_month
    from {{ ref('usage_month') }}
    {%- if is_incremental() %}
    where customer_id in (select customer_id from {{ ref('usage_scope') }})
    {%- endif %}

),

-- A month counts in a trend where the same month a year before was measured without a gap too.
compared as (

    select
        months.*,
        {{ ratio('months.energy_kwh', '24 * months.days_measured * months.max_demand_kw') }} as load_factor,
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
        {{ ratio(
            'sum(' ~ apparent('energy_kwh', 'factor_of_month') ~ ') over quarter', '24 * sum(days_measured) over quarter'
        ) }} as mean_load_kva_3m,
        max({{ apparent('max_demand_kw', 'factor_of_month') }}) over quarter as max_demand_kva_3m,
        sum(case when readings > 0 and estimated_readings = readings then 1 else 0 end) over quarter
            as estimated_months_3m,
        sum(tamper_events + reverse_events) over half_year as tamper_events_6m,
        sum(energy_kwh) over this_year as energy_kwh_12m,
        sum(peak_kwh) over this_year as peak_kwh_12m,
        -- A share is of the months in which both were measured: a register that is new has no months before.
        sum(case when peak_kwh is not null then energy_kwh end) over this_year as energy_with_peak_kwh_12m,
        sum(case when energy_kwh is not null then peak_kwh end) over this_year as peak_with_energy_kwh_12m,
        sum(case when reactive_kvarh is not null then energy_kwh end) over this_year as energy_with_reactive_kwh_12m,
        sum(case when energy_kwh is not null then reactive_kvarh end) over this_year as reactive_kvarh_12m,
        sum(days_measured) over this_year as days_measured_12m,
        max(max_demand_kw) over this_year as max_demand_kw_12m,
        sum(case when estimated_readings > 0 then 1 else 0 end) over this_year as estimated_months_12m,
        sum(case when has_gap then 1 else 0 end) over this_year as gap_months_12m,
        sum(days_measured) over year_before as days_measured_year_before,
        sum(energy_kwh) over year_before as energy_kwh_year_before
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
        ),
        this_year as (
            partition by customer_id
            order by month_number
            range between 11 preceding and current row
        ),
        year_before as (
            partition by customer_id
            order by month_number
            range between 23 preceding and 12 preceding
        )

),

-- The median of the twelve months before, which one odd month does not move.
medians as (

    select
        months.customer_id,
        months.usage_month,
        {{ median('earlier.daily_kwh') }} as median_kwh
    from months
    {{ beside_past('months', 'months') }}
    group by months.customer_id, months.usage_month
    having count(*) >= 6

),

-- Use that has fallen by a third, by the season's measure too.
fallen as (

    select
        compared.customer_id,
        compared.usage_month,
        compared.past_from,
        medians.median_kwh
    from compared
    inner join medians
        on
            compared.customer_id = medians.customer_id
            and compared.usage_month = medians.usage_month
    where
        compared.daily_kwh < medians.median_kwh * 2 / 3
        and (compared.daily_kwh_before is null or compared.daily_kwh < compared.daily_kwh_before * 2 / 3)

),

-- How usual such a distance from the median is.
deviations as (

    select
        fallen.customer_id,
        fallen.usage_month,
        {{ median('abs(earlier.daily_kwh - fallen.median_kwh)') }} as median_deviation_kwh
    from fallen
    {{ beside_past('fallen', 'months') }}
    group by fallen.customer_id, fallen.usage_month

),

beside_own_past as (

    select
        windowed.*,
        medians.median_kwh,
        deviations.median_deviation_kwh
    from windowed
    left join medians
        on
            windowed.customer_id = medians.customer_id
            and windowed.usage_month = medians.usage_month
    left join deviations
        on
            windowed.customer_id = deviations.customer_id
            and windowed.usage_month = deviations.usage_month

),

profiles as (

    select
        customer_id,
        usage_month,
        energy_kwh,
        cast({{ rounded('daily_kwh', 3) }} as numeric(18, 3)) as daily_kwh,
        cast({{ rounded('load_factor', 4) }} as numeric(18, 4)) as load_factor,
        cast({{ rounded_ratio('peak_kwh', 'energy_kwh', 4) }} as numeric(18, 4)) as peak_share,
        cast({{ rounded(power_factor('energy_kwh', 'reactive_kvarh'), 4) }} as numeric(18, 4)) as power_factor,
        -- 1.4826 median deviations of a normal distribution are its standard deviation; a very steady use is taken as
        -- one that moves by a hundredth.
        case
            when median_deviation_kwh is not null and median_kwh > 0
                then cast(
                    greatest(
                        {{ rounded(
                            ratio('daily_kwh - median_kwh', '1.4826 * greatest(median_deviation_kwh, median_kwh / 100)'),
                            2
                        ) }},
                        -99
                    ) as numeric(18, 2)
                )
        end as robust_z,
        case
            when months_compared = 3 and quarter_before_kwh > 0
                then cast({{ rounded('100 * (quarter_kwh / quarter_before_kwh - 1)', 1) }} as numeric(18, 1))
        end as trend_3m_pct,
        cast({{ rounded('coalesce(max_demand_kva_3m, mean_load_kva_3m)', 3) }} as numeric(18, 3)) as load_kva_3m,
        cast(estimated_months_3m as integer) as estimated_months_3m,
        cast(tamper_events_6m as integer) as tamper_events_6m,
        cast(estimated_months_12m as integer) as estimated_months_12m,
        cast(gap_months_12m as integer) as gap_months_12m,
        cast(energy_kwh_12m as numeric(18, 3)) as energy_kwh_12m,
        cast(peak_kwh_12m as numeric(18, 3)) as peak_kwh_12m,
        cast(max_demand_kw_12m as numeric(18, 3)) as max_demand_kw_12m,
        cast(days_measured_12m as integer) as days_measured_12m,
        cast(
            {{ rounded_ratio('energy_kwh_12m', '24 * days_measured_12m * max_demand_kw_12m', 4) }} as numeric(18, 4)
        ) as load_factor_12m,
        cast({{ rounded_ratio('peak_with_energy_kwh_12m', 'energy_with_peak_kwh_12m', 4) }} as numeric(18, 4))
            as peak_share_12m,
        cast({{ rounded(power_factor('energy_with_reactive_kwh_12m', 'reactive_kvarh_12m'), 4) }} as numeric(18, 4))
            as power_factor_12m,
        -- Years measured for ten months or more are compared, by the day.
        case
            when days_measured_12m >= 300 and days_measured_year_before >= 300 and energy_kwh_year_before > 0
                then cast(
                    {{ rounded(
                        '100 * ((' ~ ratio('energy_kwh_12m', 'days_measured_12m') ~ ') / ('
                        ~ ratio('energy_kwh_year_before', 'days_measured_year_before') ~ ') - 1)',
                        1
                    ) }} as numeric(18, 1)
                )
        end as usage_growth_12m,
        has_gap
    from beside_own_past

)

select * from profiles

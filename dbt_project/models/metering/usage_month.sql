-- What each customer used by the readings of a month: the use between two readings belongs to the month of the later
-- one, so that a month which has ended is known.
-- Read by incremental runs alone: depends_on: {{ ref('usage_scope') }}
{{
    config(
        materialized='incremental',
        keys_of='usage_scope',
        indexes=[{'columns': ['customer_id', 'usage_month'], 'unique': true}],
    )
}}

with

meters as (

    select * from {{ ref('stg_meter') }}
    where not is_deleted

),

readings as (

    {{ readings_to_measure() }}

),

{{ measured_readings() }},

by_month as (

    select
        customer_id,
        usage_month,
        sum(case when register = 'total' then amount end) as total_kwh,
        sum(case when register = 'peak' then amount end) as peak_kwh,
        sum(case when register = 'flat' then amount end) as flat_kwh,
        sum(case when register = 'valley' then amount end) as valley_kwh,
        sum(case when register = 'reactive' then amount end) as reactive_kvarh,
        {{ days_after(
            'min(case when is_energy then read_before_on end)', 'max(case when is_energy then read_on end)'
        ) }}
            as days_measured,
        max(case when is_energy then days end) as longest_interval_days,
        count(case when is_energy then 1 end) as readings,
        count(case when is_energy and quality = 'estimated' then 1 end) as estimated_readings,
        {{ count_bits("case when event in ('tamper', 'cover_open') then " ~ day_bit('read_on') ~ ' end') }}
            as tamper_events,
        {{ count_bits("case when event = 'reverse' or has_run_backwards then " ~ day_bit('read_on') ~ ' end') }}
            as reverse_events,
        {{ count_bits('case when has_rolled_over then ' ~ day_bit('read_on') ~ ' end') }} as roll_overs
    from measured
    group by customer_id, usage_month

),

demand_by_meter as (

    select
        measured.customer_id,
        measured.usage_month,
        measured.meter_id,
        meters.installed_on,
        meters.removed_on,
        max(measured.amount) as demand_kw
    from measured
    inner join meters
        on measured.meter_id = meters.meter_id
    where measured.register = 'demand'
    group by measured.customer_id, measured.usage_month, measured.meter_id, meters.installed_on, meters.removed_on

),

-- The demand of all meters that measured side by side when one of them was installed.
demand_side_by_side as (

    select
        newest.customer_id,
        newest.usage_month,
        newest.meter_id,
        sum(beside.demand_kw) as demand_kw
    from demand_by_meter as newest
    inner join demand_by_meter as beside
        on
            newest.customer_id = beside.customer_id
            and newest.usage_month = beside.usage_month
            and (
                newest.meter_id = beside.meter_id
                or (
                    newest.installed_on >= beside.installed_on
                    and (beside.removed_on is null or newest.installed_on < beside.removed_on)
                )
            )
    group by newest.customer_id, newest.usage_month, newest.meter_id

),

demand as (

    select
        customer_id,
        usage_month,
        max(demand_kw) as max_demand_kw
    from demand_side_by_side
    group by customer_id, usage_month

),

usage as (

    select
        by_month.customer_id,
        by_month.usage_month,
        cast(
            coalesce(by_month.total_kwh, by_month.peak_kwh + by_month.flat_kwh + by_month.valley_kwh) as numeric(18, 3)
        )
            as energy_kwh,
        cast(by_month.peak_kwh as numeric(18, 3)) as peak_kwh,
        cast(by_month.flat_kwh as numeric(18, 3)) as flat_kwh,
        cast(by_month.valley_kwh as numeric(18, 3)) as valley_kwh,
        cast(by_month.reactive_kvarh as numeric(18, 3)) as reactive_kvarh,
        cast(demand.max_demand_kw as numeric(18, 3)) as max_demand_kw,
        by_month.days_measured,
        by_month.longest_interval_days > 45 as has_gap,
        by_month.readings,
        by_month.estimated_readings,
        by_month.tamper_events,
        by_month.reverse_events,
        by_month.roll_overs
    from by_month
    left join demand
        on
            by_month.customer_id = demand.customer_id
            and by_month.usage_month = demand.usage_month
    {%- if is_incremental() %}
    inner join {{ ref('usage_scope') }} as scope
        on
            by_month.customer_id = scope.customer_id
            and by_month.usage_month >= scope.measured_from
    {%- endif %}
    -- The figure with which a meter begins measures nothing.
    where
        by_month.readings > 0
        or demand.max_demand_kw is not null

)

select * from usage

-- Each cut-off of supply: until when it lasted, and what the meters measured while it did, by readings that were taken.
{{ config(indexes=[{'columns': ['action_id'], 'unique': true}, {'columns': ['customer_id']}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        and kind in ('cut_off', 'reconnect')
        and acted_on <= {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

meters as (

    select * from {{ ref('stg_meter') }}
    where not is_deleted

),

-- On one day the cut-off comes first.
events as (

    select
        *,
        lag(kind) over (
            partition by customer_id
            order by acted_on, kind, action_id
        ) as kind_before
    from actions

),

-- Who is cut off already cannot be cut off again.
changes as (

    select
        *,
        lead(acted_on) over (
            partition by customer_id
            order by acted_on, kind, action_id
        ) as reconnected_on
    from events
    where kind <> coalesce(kind_before, 'reconnect')

),

cuts as (

    select
        changes.action_id,
        changes.customer_id,
        changes.officer_id,
        changes.acted_on as cut_off_on,
        case when customers.closed_on < changes.reconnected_on then null else changes.reconnected_on end
            as reconnected_on,
        case when customers.closed_on <= dates.as_of_date then customers.closed_on end as closed_on,
        -- Without supply until it comes back, or the contract ends.
        greatest(least(changes.reconnected_on, customers.closed_on, dates.as_of_date), changes.acted_on) as cut_until
    from changes
    cross join dates
    left join customers
        on changes.customer_id = customers.customer_id
    where changes.kind = 'cut_off'

),

readings as (

    select
        meters.customer_id,
        meters.multiplier,
        readings.meter_id,
        readings.register,
        readings.reading,
        readings.quality,
        readings.event,
        readings.read_on
    from meters
    inner join {{ ref('stg_meter_reading') }} as readings
        on meters.meter_id = readings.meter_id
    where
        not readings.is_deleted
        -- What was estimated says nothing of use that should not be.
        and readings.quality <> 'estimated'
        and meters.customer_id in (select cuts.customer_id from cuts)

),

{{ measured_readings() }},

-- Both readings lie within the time without supply: what was used between them was used after the cut-off.
used_by_meter as (

    select
        cuts.action_id,
        measured.meter_id,
        coalesce(
            sum(case when measured.register = 'total' then measured.amount end),
            sum(case when measured.register in ('peak', 'flat', 'valley') then measured.amount end)
        ) as energy_kwh,
        min(measured.read_before_on) as measured_from,
        max(measured.read_on) as measured_until
    from cuts
    inner join measured
        on
            cuts.customer_id = measured.customer_id
            and cuts.cut_off_on <= measured.read_before_on
            and cuts.cut_until >= measured.read_on
    where measured.is_energy
    group by cuts.action_id, measured.meter_id

),

used as (

    select
        action_id,
        sum(energy_kwh) as energy_kwh,
        min(measured_from) as measured_from,
        max(measured_until) as measured_until
    from used_by_meter
    group by action_id

),

interruptions as (

    select
        cuts.action_id,
        cuts.customer_id,
        cuts.officer_id,
        cuts.cut_off_on,
        cuts.reconnected_on,
        cuts.closed_on,
        {{ days_after('cuts.cut_off_on', 'cuts.cut_until') }} as days_without_supply,
        cuts.reconnected_on is null and cuts.closed_on is null as is_cut_off,
        cast(used.energy_kwh as numeric(18, 3)) as kwh_after_cut_off,
        {{ days_after('used.measured_from', 'used.measured_until') }} as days_measured
    from cuts
    left join used
        on cuts.action_id = used.action_id

)

select * from interruptions

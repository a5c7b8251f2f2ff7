-- The records behind each warning that stands: bills, events and months of use.
{{ config(materialized='view', keys_of='warning_scope') }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

warnings as (

    select * from {{ ref('standing_warning') }}

),

conditions as (

    select * from {{ source('policy', 'warning_conditions') }}

),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date = {{ last_day() }}

),

events as (

    select * from {{ ref('customer_event') }}

),

attributes as (

    select * from {{ ref('attribute_value') }}
    where
        valid_from <= {{ last_day() }}
        and valid_to > {{ last_day() }}

),

usage as (

    select * from {{ ref('usage') }}
    where as_of_date = {{ last_day() }}

),

asked as (

    select
        warnings.customer_id,
        warnings.rule,
        conditions.feature
    from warnings
    inner join conditions
        on
            warnings.policy_version = conditions.policy_version
            and warnings.rule = conditions.rule

),

records as (

    select
        asked.customer_id,
        asked.rule,
        'bill' as kind,
        open_bills.bill_id as record_id,
        open_bills.open_amount as amount,
        open_bills.due_on as dated_on
    from asked
    inner join open_bills
        on asked.customer_id = open_bills.customer_id
    cross join dates
    where {{ evidenced_by_bills('asked.feature', 'open_bills.due_on', 'dates.as_of_date') }}

    union

    select
        asked.customer_id,
        asked.rule,
        events.extract as kind,
        events.event_id as record_id,
        cast(null as numeric(18, 2)) as amount,
        events.happened_on as dated_on
    from asked
    inner join events
        on asked.customer_id = events.customer_id
    inner join dates
        on events.happened_on <= dates.as_of_date
    where {{ evidenced_by_events('asked.feature', 'events', 'dates.as_of_date') }}

    union

    select
        asked.customer_id,
        asked.rule,
        'customer_attribute' as kind,
        attributes.name as record_id,
        cast(null as numeric(18, 2)) as amount,
        attributes.valid_from as dated_on
    from asked
    inner join attributes
        on asked.customer_id = attributes.customer_id
    where {{ evidenced_by_attributes('asked.feature', 'attributes.name') }}

    union

    select
        asked.customer_id,
        asked.rule,
        'meter_reading' as kind,
        cast(usage.usage_month as {{ dbt.type_string() }}) as record_id,
        cast(null as numeric(18, 2)) as amount,
        usage.usage_month as dated_on
    from asked
    inner join usage
        on asked.customer_id = usage.customer_id
    where {{ evidenced_by_usage('asked.feature') }}

)

select * from records

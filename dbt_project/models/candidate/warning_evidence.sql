-- The records behind each warning that stands: bills, events and months of use.
-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule', 'kind', 'record_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

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

),

as_contracted as (

    select
        cast(records.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(records.rule as {{ dbt.type_string() }}) as rule,
        cast(records.kind as {{ dbt.type_string() }}) as kind,
        cast(records.record_id as {{ dbt.type_string() }}) as record_id,
        cast(records.amount as numeric(18, 2)) as amount,
        cast(records.dated_on as date) as dated_on
    from scope
    inner join records
        on scope.customer_id = records.customer_id

)

select * from as_contracted

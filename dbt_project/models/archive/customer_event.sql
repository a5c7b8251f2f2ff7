-- What happened to a customer besides bills and payments, from seven extracts: each event from a day on, some until
-- another.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['event_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

inspections as (

    select * from {{ ref('stg_inspection') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('theft', 'breach', 'safety')

),

listings as (

    select * from {{ ref('stg_external_risk') }}
    where not is_deleted {{ only_of(changed_customers()) }}

),

investigations as (

    select * from {{ ref('stg_investigation') }}
    where not is_deleted {{ only_of(changed_customers()) }}

),

service_orders as (

    select * from {{ ref('stg_service_order') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('suspend', 'capacity_decrease', 'transfer', 'close')

),

parties as (

    select * from {{ ref('stg_party') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and role in ('legal_representative', 'shareholder')

),

parties_by_role as (

    select
        *,
        min(valid_from) over (partition by customer_id, role) as first_known_on,
        -- Distinguishes parties of one day without a name: an event's number is published as evidence.
        row_number() over (partition by customer_id, role, valid_from order by _file_id, _line_no) as number_of_day
    from parties

),

guarantors as (

    select
        *,
        row_number() over (partition by customer_id, role, valid_from order by _file_id, _line_no) as number_of_day
    from {{ ref('stg_party') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and role = 'guarantor'

),

broken_promises as (

    select * from {{ ref('promise') }}
    where not is_kept {{ only_of(changed_customers()) }}

),

overrides as (

    select * from {{ ref('stg_grade_override') }}
    where not is_deleted {{ only_of(changed_customers()) }}

),

events as (

    select
        'inspection ' || inspection_id as event_id,
        'inspection' as extract,
        customer_id,
        kind,
        cast(null as numeric(6, 2)) as standing,
        found_on as happened_on,
        settled_on as ended_on
    from inspections

    union all

    select
        'listing ' || customer_id || ' ' || kind || ' ' || cast(listed_on as {{ dbt.type_string() }}) as event_id,
        'external_risk' as extract,
        customer_id,
        kind,
        cast(null as numeric(6, 2)) as standing,
        listed_on as happened_on,
        removed_on as ended_on
    from listings

    union all

    -- The last review counts until the next one; with one of two scores missing the other speaks for both.
    select
        'investigation ' || investigation_id as event_id,
        'investigation' as extract,
        customer_id,
        'review' as kind,
        cast(
            (coalesce(operating_score, solvency_score) + coalesce(solvency_score, operating_score)) / 2
            as numeric(6, 2)
        ) as standing,
        done_on as happened_on,
        lead(done_on) over (
            partition by customer_id
            order by done_on, investigation_id
        ) as ended_on
    from investigations

    union all

    select
        'service order ' || order_id as event_id,
        'service_order' as extract,
        customer_id,
        kind,
        cast(null as numeric(6, 2)) as standing,
        requested_on as happened_on,
        cast(null as date) as ended_on
    from service_orders

    union all

    -- Who was there from the first is no change; of shareholders those with a quarter or more count.
    select
        'party ' || customer_id || ' ' || role || ' '
        || cast(valid_from as {{ dbt.type_string() }}) || ' ' || number_of_day
            as event_id,
        'party' as extract,
        customer_id,
        role as kind,
        cast(null as numeric(6, 2)) as standing,
        valid_from as happened_on,
        cast(null as date) as ended_on
    from parties_by_role
    where
        valid_from > first_known_on
        and (role = 'legal_representative' or share_pct >= 25)

    union all

    select
        'guarantor ' || customer_id || ' ' || cast(valid_from as {{ dbt.type_string() }}) || ' ' || number_of_day
            as event_id,
        'party' as extract,
        customer_id,
        role as kind,
        cast(null as numeric(6, 2)) as standing,
        valid_from as happened_on,
        cast({{ dbt.dateadd('day', 1, 'valid_to') }} as date) as ended_on
    from guarantors

    union all

    select
        'promise ' || action_id as event_id,
        'collection_action' as extract,
        customer_id,
        'broken_promise' as kind,
        cast(null as numeric(6, 2)) as standing,
        broken_on as happened_on,
        cast(null as date) as ended_on
    from broken_promises

    union all

    select
        'override ' || override_id as event_id,
        'grade_override' as extract,
        customer_id,
        grade as kind,
        cast(null as numeric(6, 2)) as standing,
        starts_on as happened_on,
        cast({{ dbt.dateadd('day', 1, 'ends_on') }} as date) as ended_on
    from overrides

)

select * from events

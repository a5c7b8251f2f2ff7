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

-- Who was in a role the day before, and after its last day: a term that is renewed is no change.
held_before as (

    select
        parties.customer_id,
        parties.role,
        parties.party_name,
        parties.valid_from,
        max(coalesce(earlier.share_pct, 0)) as share_pct
    from parties
    inner join parties as earlier
        on
            parties.customer_id = earlier.customer_id
            and parties.role = earlier.role
            and parties.party_name = earlier.party_name
            and parties.valid_from > earlier.valid_from
            and (earlier.valid_to is null or parties.valid_from <= {{ dbt.dateadd('day', 1, 'earlier.valid_to') }})
    group by
        parties.customer_id,
        parties.role,
        parties.party_name,
        parties.valid_from

),

held_after as (

    select distinct
        parties.customer_id,
        parties.role,
        parties.party_name,
        parties.valid_from
    from parties
    inner join parties as later
        on
            parties.customer_id = later.customer_id
            and parties.role = later.role
            and parties.party_name = later.party_name
            and later.valid_from <= {{ dbt.dateadd('day', 1, 'parties.valid_to') }}
            and (later.valid_to is null or parties.valid_to < later.valid_to)

),

-- Who was there from the first is no change, nor is less than a quarter of the shares.
new_parties as (

    select parties_by_role.*
    from parties_by_role
    left join held_before
        on
            parties_by_role.customer_id = held_before.customer_id
            and parties_by_role.role = held_before.role
            and parties_by_role.party_name = held_before.party_name
            and parties_by_role.valid_from = held_before.valid_from
    where
        parties_by_role.valid_from > parties_by_role.first_known_on
        and case
            when parties_by_role.role = 'shareholder'
                then abs(coalesce(parties_by_role.share_pct, 0) - coalesce(held_before.share_pct, 0)) >= 25
            else held_before.customer_id is null
        end

),

days_of_new_parties as (

    select distinct
        customer_id,
        role,
        valid_from
    from new_parties

),

-- A holder who left, where nobody took the shares over on the next day: that is one change.
left_holders as (

    select
        parties_by_role.*,
        cast({{ dbt.dateadd('day', 1, 'parties_by_role.valid_to') }} as date) as left_on
    from parties_by_role
    left join held_after
        on
            parties_by_role.customer_id = held_after.customer_id
            and parties_by_role.role = held_after.role
            and parties_by_role.party_name = held_after.party_name
            and parties_by_role.valid_from = held_after.valid_from
    left join days_of_new_parties
        on
            parties_by_role.customer_id = days_of_new_parties.customer_id
            and parties_by_role.role = days_of_new_parties.role
            and days_of_new_parties.valid_from = {{ dbt.dateadd('day', 1, 'parties_by_role.valid_to') }}
    where
        parties_by_role.role = 'shareholder'
        and parties_by_role.share_pct >= 25
        and parties_by_role.valid_to is not null
        and held_after.customer_id is null
        and days_of_new_parties.customer_id is null

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

promises as (

    select
        *,
        cast({{ dbt.dateadd('day', 1, 'promise_date') }} as date) as day_after
    from {{ ref('promise') }}
    where true {{ only_of(changed_customers()) }}

),

broken_promises as (

    select * from promises
    where not is_kept

),

-- Kept once its day has passed, until its money goes back.
kept_promises as (

    select * from promises
    where
        coalesce(ended_by, 'plan_completed') = 'plan_completed'
        and (broken_on is null or broken_on > day_after)

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
    from new_parties

    union all

    select
        'party ' || customer_id || ' ' || role || ' '
        || cast(valid_from as {{ dbt.type_string() }}) || ' ' || number_of_day || ' left'
            as event_id,
        'party' as extract,
        customer_id,
        role as kind,
        cast(null as numeric(6, 2)) as standing,
        left_on as happened_on,
        cast(null as date) as ended_on
    from left_holders

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
        'kept promise ' || action_id as event_id,
        'collection_action' as extract,
        customer_id,
        'kept_promise' as kind,
        cast(null as numeric(6, 2)) as standing,
        day_after as happened_on,
        broken_on as ended_on
    from kept_promises

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

-- How far the pursuit of each undisputed debt has come, the next step that the policy and the law allow, and what holds
-- it.
-- Read where the policy has holds of its own: depends_on: {{ ref('customer_feature') }}
{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

{%- set hold_features = dunning_holds() | map(attribute='feature') | unique | sort %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),
{%- if hold_features %}

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),
{%- endif %}

debtors as (

    select * from {{ ref('debtor') }}

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

),

listings as (

    select * from {{ ref('customer_event') }}
    where kind in ('bankruptcy', 'licence_revoked')

),

pursued_bills as (

    select * from {{ ref('pursued_bill') }}

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

-- While a release restates balances, who may be cut off now and might not before is asked again after it.
restatements as (

    select * from {{ source('ops', 'restatement') }}

),

cut_off_before as (

    select * from {{ source('ops', 'cut_off_before') }}

),

pursued as (

    select
        debtors.*,
        scope.as_of_date
    from scope
    inner join debtors
        on scope.customer_id = debtors.customer_id

),

-- What was done since the oldest debt fell due.
done as (

    select
        pursued.customer_id,
        max(case when actions.kind = 'agency_referral' then actions.acted_on end) as referred_on,
        max(case when actions.kind = 'agency_return' then actions.acted_on end) as returned_on
    from pursued
    inner join actions
        on
            pursued.customer_id = actions.customer_id
            and pursued.oldest_due_on < actions.acted_on
            and pursued.as_of_date >= actions.acted_on
    group by pursued.customer_id

),

-- Bills that nothing holds are pursued, if they are together worth it; else with those that are free next.
bills_as_freed as (

    select
        pursued_bills.*,
        pursued.as_of_date,
        pursued.pursued_from,
        -- Of an important user those whose cut-off was approved come first.
        coalesce(
            pursued.is_important_user and pursued_bills.next_step = 'cut_off' and pursued_bills.approved_on is null,
            false
        ) as is_unapproved,
        case
            when pursued.is_important_user and pursued_bills.next_step = 'cut_off'
                then greatest(pursued_bills.allowed_from, pursued_bills.approved_on)
            else pursued_bills.allowed_from
        end as lawful_from,
        sum(pursued_bills.open_amount) over (
            partition by pursued_bills.customer_id
            order by pursued_bills.free_from
        ) as amount_by_then
    from pursued
    inner join pursued_bills
        on pursued.customer_id = pursued_bills.customer_id

),

first_freed as (

    select
        customer_id,
        min(free_from) as free_from
    from bills_as_freed
    where amount_by_then >= pursued_from
    group by customer_id

),

-- The furthest step that may follow leads, on the first day on which the bills that have come so far, and of which it
-- is allowed, are together worth pursuing.
bills_by_stage as (

    select
        bills_as_freed.*,
        sum(bills_as_freed.open_amount) over (
            partition by bills_as_freed.customer_id
            order by
                coalesce(bills_as_freed.next_rank, 0) desc,
                bills_as_freed.is_unapproved asc,
                coalesce(bills_as_freed.lawful_from, bills_as_freed.as_of_date) asc
        ) as amount_so_far,
        -- What may be pursued today, or on that day where it is to come.
        sum(bills_as_freed.open_amount) over (
            partition by bills_as_freed.customer_id
            order by
                coalesce(bills_as_freed.next_rank, 0) desc,
                bills_as_freed.is_unapproved asc,
                greatest(bills_as_freed.lawful_from, bills_as_freed.as_of_date) asc
        ) as step_amount
    from bills_as_freed
    inner join first_freed
        on
            bills_as_freed.customer_id = first_freed.customer_id
            and bills_as_freed.free_from <= first_freed.free_from

),

-- Of bills on that day the oldest speaks.
leading_bills as (

    select
        bills_by_stage.*,
        first_freed.free_from as held_until,
        row_number() over (
            partition by bills_by_stage.customer_id
            order by
                coalesce(bills_by_stage.next_rank, 0) desc,
                bills_by_stage.is_unapproved asc,
                bills_by_stage.lawful_from asc,
                bills_by_stage.due_on asc,
                bills_by_stage.bill_id asc
        ) as place
    from bills_by_stage
    inner join first_freed
        on bills_by_stage.customer_id = first_freed.customer_id
    where bills_by_stage.amount_so_far >= bills_by_stage.pursued_from

),

insolvent as (

    select
        pursued.customer_id,
        min(listings.happened_on) as insolvent_since
    from pursued
    inner join listings
        on
            pursued.customer_id = listings.customer_id
            and pursued.as_of_date >= listings.happened_on
            and (listings.ended_on is null or pursued.as_of_date < listings.ended_on)
    group by pursued.customer_id

),

staged as (

    select
        pursued.*,
        leading_bills.last_step,
        leading_bills.last_step_on,
        leading_bills.lapsed_step,
        leading_bills.lapsed_step_on,
        leading_bills.is_unapproved,
        leading_bills.step_amount,
        leading_bills.next_step as step_by_rank,
        leading_bills.effort,
        leading_bills.lawful_from,
        leading_bills.held_until,
        policies.steps_on_working_days,
        done.referred_on,
        done.returned_on,
        {%- for feature in hold_features %}
        features.{{ feature }} as feature_{{ feature }},
        {%- endfor %}
        insolvent.insolvent_since
    from pursued
    inner join policies
        on pursued.policy_version = policies.policy_version
    left join leading_bills
        on
            pursued.customer_id = leading_bills.customer_id
            and leading_bills.place = 1
    left join done
        on pursued.customer_id = done.customer_id
    left join insolvent
        on pursued.customer_id = insolvent.customer_id
    {%- if hold_features %}
    left join features
        on pursued.customer_id = features.customer_id
    {%- endif %}

),

held as (

    select
        *,
        case
            when insolvent_since is not null then 'insolvency'
            when overdue_amount < pursued_from then 'dispute'
            when held_until = cast('9999-12-31' as date) then 'agency'
            when held_until > as_of_date then 'promise'
            when is_unapproved then 'approval'
            when
                step_by_rank = 'cut_off'
                and exists (select 1 from restatements)
                and customer_id not in (select customer_id from cut_off_before)
                then 'restatement'
            else {{ dunning_hold() }}
        end as held_by
    from staged

),

days as (

    select
        *,
        case
            when held_by = 'insolvency' then insolvent_since
            when coalesce(held_by, 'promise') <> 'promise' or step_by_rank is null then null
            else lawful_from
        end as shown_from
    from held

),

stages as (

    select
        customer_id,
        last_step,
        last_step_on,
        lapsed_step,
        lapsed_step_on,
        case
            when held_by = 'insolvency' then 'claim'
            when held_by in ('dispute', 'agency') then null
            else step_by_rank
        end as next_step,
        case
            when steps_on_working_days and shown_from is not null then {{ working_day_from('shown_from') }}
            else shown_from
        end as earliest_on,
        case when held_by in ('insolvency', 'dispute', 'agency') then null else step_amount end as step_amount,
        held_by,
        coalesce(effort, 1) as effort,
        case when held_by = 'promise' then cast({{ dbt.dateadd('day', -1, 'held_until') }} as date) end as promised_for,
        insolvent_since,
        referred_on,
        returned_on
    from days

)

select * from stages

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

promises as (

    select * from {{ ref('promise') }}

),

instalments as (

    select * from {{ ref('instalment') }}

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
        max(case when actions.kind = 'agency_return' then actions.acted_on end) as returned_on,
        max(case when actions.kind = 'write_off' then actions.acted_on end) as written_off_on
    from pursued
    inner join actions
        on
            pursued.customer_id = actions.customer_id
            and pursued.oldest_due_on < actions.acted_on
            and pursued.as_of_date >= actions.acted_on
    group by pursued.customer_id

),

-- The furthest step that may follow leads, if the bills that have come so far are together worth pursuing.
bills_by_stage as (

    select
        pursued_bills.*,
        sum(pursued_bills.open_amount) over (
            partition by pursued_bills.customer_id
            order by coalesce(pursued_bills.next_rank, 0) desc
        ) as amount_so_far
    from pursued_bills

),

leading_ranks as (

    select
        pursued.customer_id,
        max(bills_by_stage.next_rank) as next_rank
    from pursued
    inner join bills_by_stage
        on
            pursued.customer_id = bills_by_stage.customer_id
            and pursued.pursued_from <= bills_by_stage.amount_so_far
    group by pursued.customer_id

),

-- Of bills at the same stage that speaks whose step is allowed first, of these the oldest.
leading_bills as (

    select
        bills_by_stage.*,
        row_number() over (
            partition by bills_by_stage.customer_id
            order by bills_by_stage.allowed_from, bills_by_stage.due_on, bills_by_stage.bill_id
        ) as place
    from bills_by_stage
    inner join leading_ranks
        on
            bills_by_stage.customer_id = leading_ranks.customer_id
            and coalesce(bills_by_stage.next_rank, 0) = coalesce(leading_ranks.next_rank, 0)

),

-- A plan with instalments holds to the next one's day.
next_instalments as (

    select
        instalments.action_id,
        min(instalments.due_on) as due_on
    from pursued
    inner join instalments
        on
            pursued.customer_id = instalments.customer_id
            and pursued.as_of_date <= instalments.due_on
    group by instalments.action_id

),

standing_promises as (

    select
        pursued.customer_id,
        max(least(promises.stands_until, next_instalments.due_on)) as promised_for
    from pursued
    inner join promises
        on
            pursued.customer_id = promises.customer_id
            and pursued.as_of_date >= promises.acted_on
            and pursued.as_of_date <= promises.stands_until
    left join next_instalments
        on promises.action_id = next_instalments.action_id
    group by pursued.customer_id

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
        leading_bills.approved_on,
        leading_bills.amount_so_far as step_amount,
        leading_bills.next_step as step_by_rank,
        leading_bills.effort,
        leading_bills.allowed_from,
        policies.steps_on_working_days,
        done.referred_on,
        done.returned_on,
        done.written_off_on,
        standing_promises.promised_for,
        insolvent.insolvent_since,
        {%- for feature in hold_features %}
        features.{{ feature }} as feature_{{ feature }},
        {%- endfor %}
        cast({{ dbt.dateadd('day', 1, 'standing_promises.promised_for') }} as date) as by_promise_on
    from pursued
    inner join policies
        on pursued.policy_version = policies.policy_version
    left join leading_bills
        on
            pursued.customer_id = leading_bills.customer_id
            and leading_bills.place = 1
    left join done
        on pursued.customer_id = done.customer_id
    left join standing_promises
        on pursued.customer_id = standing_promises.customer_id
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
            when overdue_amount = 0 then 'dispute'
            when referred_on > coalesce(returned_on, cast('0001-01-01' as date)) then 'agency'
            when promised_for is not null then 'promise'
            when step_by_rank = 'cut_off' and is_important_user and approved_on is null then 'approval'
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
            else greatest(allowed_from, by_promise_on)
        end as lawful_from
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
            when steps_on_working_days and lawful_from is not null then {{ working_day_from('lawful_from') }}
            else lawful_from
        end as earliest_on,
        case when held_by in ('insolvency', 'dispute', 'agency') then null else step_amount end as step_amount,
        held_by,
        coalesce(effort, 1) as effort,
        promised_for,
        insolvent_since,
        referred_on,
        returned_on,
        written_off_on
    from days

)

select * from stages

-- How far the pursuit of each undisputed debt has come, the next step that the policy and the law allow, and what holds it.
{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

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

steps as (

    select * from {{ source('policy', 'dunning_steps') }}

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
        max(steps.step_rank) as step_rank,
        max(case when actions.kind = 'cut_off_approval' then actions.acted_on end) as approved_on,
        max(case when actions.kind = 'agency_referral' then actions.acted_on end) as referred_on,
        max(case when actions.kind = 'agency_return' then actions.acted_on end) as returned_on,
        max(case when actions.kind = 'write_off' then actions.acted_on end) as written_off_on
    from pursued
    inner join actions
        on
            pursued.customer_id = actions.customer_id
            and pursued.oldest_due_on < actions.acted_on
            and pursued.as_of_date >= actions.acted_on
    left join steps
        on
            pursued.policy_version = steps.policy_version
            and pursued.strategy = steps.strategy
            and actions.kind = steps.step
    group by pursued.customer_id

),

-- The first day on which each step was taken: what is repeated does not put off the next.
step_days as (

    select
        pursued.customer_id,
        steps.step_rank,
        min(actions.acted_on) as acted_on
    from pursued
    inner join actions
        on
            pursued.customer_id = actions.customer_id
            and pursued.oldest_due_on < actions.acted_on
            and pursued.as_of_date >= actions.acted_on
    inner join steps
        on
            pursued.policy_version = steps.policy_version
            and pursued.strategy = steps.strategy
            and actions.kind = steps.step
    group by pursued.customer_id, steps.step_rank

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
        last_steps.step as last_step,
        step_days.acted_on as last_step_on,
        done.approved_on,
        done.referred_on,
        done.returned_on,
        done.written_off_on,
        standing_promises.promised_for,
        insolvent.insolvent_since,
        next_steps.step as step_by_rank,
        next_steps.effort,
        cast({{ dbt.dateadd('day', 'next_steps.min_days_overdue', 'pursued.oldest_due_on') }} as date) as by_age_on,
        cast(
            {{ dbt.dateadd(
                'day',
                'case when pursued.is_home then next_steps.wait_days_home else next_steps.wait_days_other end',
                'step_days.acted_on'
            ) }} as date
        ) as by_notice_on,
        cast({{ dbt.dateadd('day', 1, 'standing_promises.promised_for') }} as date) as by_promise_on
    from pursued
    left join done
        on pursued.customer_id = done.customer_id
    left join step_days
        on
            done.customer_id = step_days.customer_id
            and done.step_rank = step_days.step_rank
    left join steps as last_steps
        on
            pursued.policy_version = last_steps.policy_version
            and pursued.strategy = last_steps.strategy
            and done.step_rank = last_steps.step_rank
    left join steps as next_steps
        on
            pursued.policy_version = next_steps.policy_version
            and pursued.strategy = next_steps.strategy
            and coalesce(done.step_rank, 0) + 1 = next_steps.step_rank
    left join standing_promises
        on pursued.customer_id = standing_promises.customer_id
    left join insolvent
        on pursued.customer_id = insolvent.customer_id

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
        end as held_by
    from staged

),

stages as (

    select
        customer_id,
        last_step,
        last_step_on,
        case
            when held_by = 'insolvency' then 'claim'
            when held_by in ('dispute', 'agency') then null
            else step_by_rank
        end as next_step,
        case
            when held_by = 'insolvency' then insolvent_since
            when held_by in ('dispute', 'agency', 'approval', 'restatement') or step_by_rank is null then null
            else greatest(by_age_on, by_notice_on, by_promise_on)
        end as earliest_on,
        held_by,
        coalesce(effort, 1) as effort,
        promised_for,
        insolvent_since,
        referred_on,
        returned_on,
        written_off_on
    from held

)

select * from stages

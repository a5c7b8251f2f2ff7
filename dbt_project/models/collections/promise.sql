-- What customers promised to pay, by a plan or by word, and what came in by the day they named.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[
            {'columns': ['action_id'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['account_id']},
        ],
    )
}}

with

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('promise', 'instalment_plan')

),

parts as (

    select * from {{ ref('promised_part') }}

),

-- A plan with instalments is of what they add up to, by the day of the last.
sums as (

    select
        action_id,
        max(account_id) as account_id,
        sum(amount) as amount,
        sum(paid_amount) as paid_amount,
        max(due_on) as due_on,
        min(case when may_be_missed then broken_on end) as missed_known_on,
        min(broken_on) as broken_on
    from parts
    group by action_id

),

promises as (

    select
        actions.action_id,
        actions.customer_id,
        sums.account_id,
        actions.bill_id,
        actions.officer_id,
        actions.kind,
        actions.acted_on,
        sums.amount,
        sums.paid_amount,
        sums.due_on as promise_date,
        sums.missed_known_on,
        sums.broken_on
    from actions
    inner join sums
        on actions.action_id = sums.action_id

),

endings as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('plan_broken', 'plan_completed')

),

-- A plan ends by what is said of its bill, or of all plans, or after the first instalment that was not paid.
ways_to_end as (

    select
        promises.action_id,
        endings.kind as ended_by,
        endings.acted_on as ended_on,
        endings.action_id as ending_id
    from promises
    inner join endings
        on
            promises.customer_id = endings.customer_id
            and promises.kind = 'instalment_plan'
            and promises.acted_on <= endings.acted_on
            and promises.promise_date >= endings.acted_on
            and (endings.bill_id is null or endings.bill_id = promises.bill_id)

    union all

    select
        action_id,
        'instalment_missed' as ended_by,
        missed_known_on as ended_on,
        '' as ending_id
    from promises
    where missed_known_on is not null

),

-- Of several the first counts.
ended as (

    select
        action_id,
        ended_by,
        ended_on,
        row_number() over (
            partition by action_id
            order by ended_on, ending_id
        ) as place
    from ways_to_end

),

judged as (

    select
        promises.action_id,
        promises.customer_id,
        promises.account_id,
        promises.bill_id,
        promises.kind,
        promises.officer_id,
        {{ money('promises.amount') }} as amount,
        {{ money('promises.paid_amount') }} as paid_amount,
        promises.acted_on,
        promises.promise_date,
        ended.ended_by,
        ended.ended_on,
        -- The last day of the promise: it stands to its end.
        least(promises.promise_date, cast({{ dbt.dateadd('day', -1, 'ended.ended_on') }} as date)) as stands_until,
        -- A plan that is said to be completed is over, and kept by its money alone.
        coalesce(ended.ended_by, 'plan_completed') = 'plan_completed' and promises.broken_on is null as is_kept,
        -- Known to be broken once the day has passed, or its money has gone back.
        case when ended.ended_by <> 'plan_completed' then ended.ended_on else promises.broken_on end as broken_on
    from promises
    left join ended
        on
            promises.action_id = ended.action_id
            and ended.place = 1

)

select * from judged

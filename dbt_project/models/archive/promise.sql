-- What customers promised to pay, by a plan or by word, and what came in by the day they named.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id'], 'unique': true}, {'columns': ['customer_id']}],
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

instalments as (

    select * from {{ ref('instalment') }}

),

schedules as (

    select
        action_id,
        sum(amount) as amount,
        max(due_on) as due_on,
        min(case when not is_paid then due_on end) as missed_on
    from instalments
    group by action_id

),

-- A plan with instalments is of what they add up to, by the day of the last.
promises as (

    select
        actions.action_id,
        actions.customer_id,
        actions.bill_id,
        actions.officer_id,
        actions.kind,
        actions.acted_on,
        schedules.missed_on,
        coalesce(schedules.amount, actions.amount) as amount,
        coalesce(schedules.due_on, actions.promise_date) as promise_date
    from actions
    left join schedules
        on actions.action_id = schedules.action_id
    where
        coalesce(schedules.amount, actions.amount, 1) > 0
        and coalesce(schedules.due_on, actions.promise_date) is not null

),

endings as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('plan_broken', 'plan_completed')

),

balances as (

    select * from {{ ref('bill_balance') }}
    where open_amount > 0

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
        cast({{ dbt.dateadd('day', 1, 'missed_on') }} as date) as ended_on,
        '' as ending_id
    from promises
    where missed_on is not null

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

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

-- One without an amount is of all that was open then: of the bill that it names, or of all bills.
open_then as (

    select
        promises.action_id,
        sum(balances.open_amount) as open_amount
    from promises
    inner join balances
        on
            promises.customer_id = balances.customer_id
            and promises.acted_on >= balances.valid_from
            and promises.acted_on < balances.valid_to
            and balances.bill_id = coalesce(promises.bill_id, balances.bill_id)
    where promises.amount is null
    group by promises.action_id

),

paid as (

    select
        promises.action_id,
        {{ net_received() }} as paid_amount
    from promises
    inner join movements
        on
            promises.customer_id = movements.account_id
            and promises.acted_on <= movements.paid_on
            and promises.promise_date >= movements.moved_on
    group by promises.action_id

),

judged as (

    select
        promises.action_id,
        promises.customer_id,
        promises.kind,
        promises.officer_id,
        {{ money('coalesce(promises.amount, open_then.open_amount, 0)') }} as amount,
        {{ money('coalesce(paid.paid_amount, 0)') }} as paid_amount,
        promises.acted_on,
        promises.promise_date,
        ended.ended_by,
        ended.ended_on,
        -- The last day of the promise: it stands to its end.
        least(promises.promise_date, cast({{ dbt.dateadd('day', -1, 'ended.ended_on') }} as date)) as stands_until,
        case
            when ended.ended_by = 'plan_completed' then true
            when ended.ended_by is not null then false
            else coalesce(paid.paid_amount, 0) >= coalesce(promises.amount, open_then.open_amount, 0)
        end as is_kept
    from promises
    left join open_then
        on promises.action_id = open_then.action_id
    left join paid
        on promises.action_id = paid.action_id
    left join ended
        on
            promises.action_id = ended.action_id
            and ended.place = 1

)

select * from judged

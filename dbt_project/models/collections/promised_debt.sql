-- What each promise asks for by its day: how much, whether anything, from and until when money keeps it, and how much
-- of money that names no bill.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['account_id']}],
    )
}}

with

promised as (

    select * from {{ ref('promised_day') }}
    where true {{ only_of_accounts() }}

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        and kind in ('instalment_plan', 'plan_broken', 'plan_completed')

),

-- What was open on the day of a promise without an amount is asked for after that day's payments, which keep nothing.
timed as (

    select
        *,
        case when amount is null then cast({{ dbt.dateadd('day', 1, 'acted_on') }} as date) else acted_on end
            as paid_from,
        sum(coalesce(amount, 0)) over (
            partition by action_id
            order by due_on
        ) - coalesce(amount, 0) as promised_before
    from promised

),

balances as (

    select * from {{ ref('bill_balance') }}

),

balances_before as (

    select * from {{ ref('bill_balance') }}

),

balances_after as (

    select * from {{ ref('bill_balance') }}

),

-- One without an amount is of all that was open then: of the bill that it names, or of all bills.
open_then as (

    select
        promised.action_id,
        sum(balances.open_amount) as open_amount
    from promised
    inner join balances
        on
            promised.account_id = balances.customer_id
            and promised.acted_on >= balances.valid_from
            and promised.acted_on < balances.valid_to
            and balances.bill_id = coalesce(promised.bill_id, balances.bill_id)
    where promised.amount is null
    group by promised.action_id

),

-- How people said that a plan ended: of several the first counts.
endings as (

    select
        promised.action_id,
        endings.kind as ended_by,
        endings.acted_on as ended_on,
        row_number() over (
            partition by promised.action_id
            order by endings.acted_on, endings.action_id
        ) as place
    from promised
    inner join actions as endings
        on
            promised.customer_id = endings.customer_id
            and promised.acted_on <= endings.acted_on
            and (endings.bill_id is null or endings.bill_id = promised.bill_id)
            and endings.kind in ('plan_broken', 'plan_completed')
    inner join actions as plans
        on
            promised.action_id = plans.action_id
            and plans.kind = 'instalment_plan'

),

-- What a broken plan asks for afterwards takes no money. A completed one takes what had come by then, also for what was
-- to be paid later.
measured as (

    select
        promised.account_id,
        promised.customer_id,
        promised.action_id,
        promised.bill_id,
        promised.acted_on,
        promised.due_on,
        promised.is_instalment,
        promised.place,
        promised.paid_from,
        promised.promised_before,
        coalesce(promised.amount, open_then.open_amount, 0) as promised_amount,
        coalesce(endings.ended_by = 'plan_broken' and promised.due_on >= endings.ended_on, false) as is_void,
        case
            when endings.ended_by = 'plan_completed' then least(promised.due_on, endings.ended_on)
            else promised.due_on
        end as paid_until,
        -- Whoever says that a plan is completed knows that day whether the money has come.
        case
            when endings.ended_by = 'plan_completed' and endings.ended_on <= promised.due_on then endings.ended_on
            else cast({{ dbt.dateadd('day', 1, 'promised.due_on') }} as date)
        end as known_on,
        -- Unallocated credit that came to pay a promised bill in the promise's time.
        greatest(coalesce(balances_after.allocated_amount, 0) - coalesce(balances_before.allocated_amount, 0), 0)
            as came_unnamed,
        -- What was still to be paid of the promised bill: credit notes take from what is asked for.
        balances_after.amount - balances_after.credited_amount
        - least(balances_after.paid_amount, coalesce(balances_before.paid_amount, 0)) as owed_amount
    from timed as promised
    left join open_then
        on promised.action_id = open_then.action_id
    left join endings
        on
            promised.action_id = endings.action_id
            and endings.place = 1
    left join balances_before
        on
            promised.bill_id = balances_before.bill_id
            and promised.account_id = balances_before.customer_id
            and promised.paid_from > balances_before.valid_from
            and promised.paid_from <= balances_before.valid_to
    left join balances_after
        on
            promised.bill_id = balances_after.bill_id
            and promised.account_id = balances_after.customer_id
            and promised.due_on >= balances_after.valid_from
            and promised.due_on < balances_after.valid_to

),

-- Of a promised bill at most what is owed of it is asked for, by the first instalments first.
demands as (

    select
        account_id,
        customer_id,
        action_id,
        bill_id,
        acted_on,
        due_on,
        is_instalment,
        place,
        cast(
            case
                when owed_amount is null then promised_amount
                else greatest(least(promised_amount, owed_amount - promised_before), 0)
            end as numeric(18, 2)
        ) as amount,
        is_void,
        paid_from,
        paid_until,
        known_on,
        case when bill_id is not null then cast(came_unnamed as numeric(18, 2)) end as unnamed_limit
    from measured

)

select * from demands

-- What each promise asks for by its day: how much, whether anything, and how much of money that names no bill.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

promised as (

    select * from {{ ref('promised_day') }}
    where true {{ only_of(changed_customers()) }}

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('instalment_plan', 'plan_broken', 'plan_completed')

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
            promised.customer_id = balances.customer_id
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
demands as (

    select
        promised.customer_id,
        promised.action_id,
        promised.bill_id,
        promised.acted_on,
        promised.due_on,
        promised.is_instalment,
        promised.place,
        cast(coalesce(promised.amount, open_then.open_amount, 0) as numeric(18, 2)) as amount,
        coalesce(endings.ended_by = 'plan_broken' and promised.due_on >= endings.ended_on, false) as is_void,
        case
            when endings.ended_by = 'plan_completed' then least(promised.due_on, endings.ended_on)
            else promised.due_on
        end as paid_until,
        -- Unallocated credit that came to pay a promised bill in the promise's time.
        case
            when promised.bill_id is not null
                then
                    cast(
                        greatest(
                            coalesce(balances_after.allocated_amount, 0)
                            - coalesce(balances_before.allocated_amount, 0),
                            0
                        )
                        as numeric(18, 2)
                    )
        end as unnamed_limit
    from promised
    left join open_then
        on promised.action_id = open_then.action_id
    left join endings
        on
            promised.action_id = endings.action_id
            and endings.place = 1
    left join balances_before
        on
            promised.bill_id = balances_before.bill_id
            and promised.acted_on > balances_before.valid_from
            and promised.acted_on <= balances_before.valid_to
    left join balances_after
        on
            promised.bill_id = balances_after.bill_id
            and promised.due_on >= balances_after.valid_from
            and promised.due_on < balances_after.valid_to

)

select * from demands

-- The instalments of plans, and what came in for each by its day: money pays the earliest first.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

plans as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind = 'instalment_plan'

),

instalments as (

    select * from {{ ref('stg_instalment') }}
    where
        not is_deleted
        and amount > 0

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

due as (

    select
        plans.action_id,
        plans.customer_id,
        plans.acted_on,
        instalments.due_on,
        instalments.amount,
        sum(instalments.amount) over (
            partition by plans.action_id
            order by instalments.due_on
        ) as due_by_then
    from plans
    inner join instalments
        on
            plans.action_id = instalments.action_id
            and plans.acted_on <= instalments.due_on

),

paid as (

    select
        due.action_id,
        due.due_on,
        {{ net_received() }} as paid_by_then
    from due
    inner join movements
        on
            due.customer_id = movements.account_id
            and due.acted_on <= movements.paid_on
            and due.due_on >= movements.moved_on
    group by due.action_id, due.due_on

),

judged as (

    select
        due.action_id,
        due.due_on,
        due.customer_id,
        due.amount,
        {{ money('greatest(least(due.amount, coalesce(paid.paid_by_then, 0) - due.due_by_then + due.amount), 0)') }}
            as paid_amount,
        coalesce(paid.paid_by_then, 0) >= due.due_by_then as is_paid
    from due
    left join paid
        on
            due.action_id = paid.action_id
            and due.due_on = paid.due_on

)

select * from judged

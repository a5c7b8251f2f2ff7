-- What customers promised to pay by a day: a promise, a plan, or each instalment of one. In order of the promises: who
-- promised first is served first. A day that is a holiday is the next one that is none, as of bills.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['customer_id']}],
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

    select * from {{ ref('stg_instalment') }}
    where
        not is_deleted
        and amount > 0

),

scheduled as (

    select
        actions.action_id,
        actions.customer_id,
        actions.bill_id,
        actions.acted_on,
        {{ workday_from('instalments.due_on') }} as due_on,
        sum(instalments.amount) as amount,
        true as is_instalment
    from actions
    inner join instalments
        on
            actions.action_id = instalments.action_id
            and actions.acted_on <= instalments.due_on
    where actions.kind = 'instalment_plan'
    group by
        actions.action_id,
        actions.customer_id,
        actions.bill_id,
        actions.acted_on,
        {{ workday_from('instalments.due_on') }}

),

parts as (

    select * from scheduled

    union all

    select
        action_id,
        customer_id,
        bill_id,
        acted_on,
        {{ workday_from('promise_date') }} as due_on,
        amount,
        false as is_instalment
    from actions
    where
        kind in ('promise', 'instalment_plan')
        and promise_date is not null
        and coalesce(amount, 1) > 0
        and action_id not in (select action_id from scheduled)

),

placed as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by acted_on, action_id, due_on
        ) as place
    from parts

)

select * from placed

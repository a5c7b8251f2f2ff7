-- What customers promised to pay by a day: a promise, a plan, or each instalment of one. One that names a bill is on
-- that bill's account, whoever gave it. In order of the promises: who promised first is served first. A day that is a
-- holiday is the next one that is none, as of bills.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['account_id']}],
    )
}}

with

bills as (

    {{ root_bills() }}

),

promises as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_for_accounts() }}
        and kind in ('promise', 'instalment_plan')

),

actions as (

    select
        promises.*,
        coalesce(bills.customer_id, promises.customer_id) as account_id
    from promises
    left join bills
        on promises.bill_id = bills.bill_id

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
        actions.account_id,
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
        actions.account_id,
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
        account_id,
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
            partition by account_id
            order by acted_on, action_id, due_on
        ) as place
    from parts
    where true {{ only_of_accounts() }}

)

select * from placed

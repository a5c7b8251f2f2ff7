-- Whose findings an incremental run computes: those of changed accounts, and of whom a fact that was delivered before
-- has come of age.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

movements as (

    select * from {{ ref('movement') }}
    where {{ moved('moved_on') }}

),

balances as (

    select * from {{ ref('bill_balance') }}
    where {{ moved('valid_from') }}

),

disputes as (

    select * from {{ ref('stg_dispute') }}
    where not is_deleted

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        and kind = 'write_off'

),

scope as (

    select customer_id from {{ ref('changed_account') }}

    union

    select account_id as customer_id from movements

    union

    select customer_id from balances

    union

    -- Who disputes or writes off a bill need not be its customer.
    select disputes.customer_id
    from disputes
    inner join movements
        on disputes.bill_id = movements.bill_id

    union

    select customer_id
    from disputes
    where
        {{ moved('opened_on') }}
        or {{ moved('closed_on') }}

    union

    select actions.customer_id
    from actions
    inner join movements
        on actions.bill_id = movements.bill_id

    union

    select customer_id
    from actions
    where {{ moved('acted_on') }}

)

select * from scope
where customer_id is not null

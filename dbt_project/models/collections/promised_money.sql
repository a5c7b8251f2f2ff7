-- Which money is on which promised debt, by the day it came: for the bill that is named, or for one that was billed by
-- the day of the promise; money that names no bill in both cases.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[{'columns': ['account_id', 'place', 'paid_on', 'paid_bill_id'], 'unique': true}],
    )
}}

with

demands as (

    select * from {{ ref('promised_debt') }}
    where true {{ only_of_accounts() }}

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

balances as (

    select * from {{ ref('bill_balance') }}

),

issued as (

    select
        bill_id,
        min(issued_on) as issued_on
    from balances
    group by bill_id

),

money as (

    select distinct
        account_id,
        bill_id,
        paid_on
    from movements

),

eligible as (

    select
        demands.account_id,
        demands.place,
        coalesce(money.bill_id, '') as paid_bill_id,
        money.paid_on
    from demands
    inner join money
        on
            demands.account_id = money.account_id
            and demands.paid_from <= money.paid_on
            and demands.paid_until >= money.paid_on
    left join issued
        on money.bill_id = issued.bill_id
    where
        money.bill_id is null
        or money.bill_id = demands.bill_id
        or (demands.bill_id is null and issued.issued_on <= demands.acted_on)

)

select * from eligible

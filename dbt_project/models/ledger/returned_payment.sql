-- On which days how many payments of an account came back; one whose return was itself taken back no longer counts.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id', 'returned_on'], 'unique': true}],
    )
}}

with

returns as (

    select * from {{ ref('movement') }}
    where
        kind = 'return'
        {{ only_of_accounts() }}
        and amount <> 0

),

by_fact as (

    select
        account_id,
        fact_id,
        moved_on,
        sign(sum(amount)) as returns
    from returns
    group by
        account_id,
        fact_id,
        moved_on

),

by_day as (

    select
        account_id as customer_id,
        moved_on as returned_on,
        cast(sum(returns) as integer) as returns
    from by_fact
    group by
        account_id,
        moved_on
    having sum(returns) <> 0

)

select * from by_day

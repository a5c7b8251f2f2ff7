-- On which days how many payments of an account came back, in part or in full, however many returns took it; one of
-- which nothing is back any more no longer counts.
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

by_payment as (

    select
        account_id,
        payment_id,
        moved_on,
        sum(amount) as amount
    from returns
    group by
        account_id,
        payment_id,
        moved_on

),

running as (

    select
        account_id,
        payment_id,
        moved_on,
        sum(amount) over payment_days > 0 as is_returned
    from by_payment
    window payment_days as (
        partition by account_id, payment_id
        order by moved_on
    )

),

changes as (

    select
        account_id,
        moved_on,
        case when is_returned then 1 else 0 end
        - coalesce(
            lag(case when is_returned then 1 else 0 end) over (partition by account_id, payment_id order by moved_on), 0
        ) as returns
    from running

),

by_day as (

    select
        account_id as customer_id,
        moved_on as returned_on,
        cast(sum(returns) as integer) as returns
    from changes
    group by
        account_id,
        moved_on
    having sum(returns) <> 0

)

select * from by_day

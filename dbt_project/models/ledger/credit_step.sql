-- Money and credits that name no bill, and refunds out of them: an account's unallocated credit before what bills do
-- not use.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id', 'valid_from'], 'unique': true}],
    )
}}

with

movements as (

    select * from {{ ref('movement') }}
    where
        bill_id is null
        {{ only_of_accounts() }}
        and kind in ('credit', 'payment', 'return', 'refund')

),

by_day as (

    select
        account_id as customer_id,
        moved_on,
        sum(case when kind in ('return', 'refund') then -amount else amount end) as amount
    from movements
    group by
        account_id,
        moved_on

),

steps as (

    select
        customer_id,
        {{ money('sum(amount) over (partition by customer_id order by moved_on)') }} as credit,
        moved_on as valid_from,
        coalesce(lead(moved_on) over (partition by customer_id order by moved_on), {{ end_of_time() }}) as valid_to
    from by_day

)

select * from steps

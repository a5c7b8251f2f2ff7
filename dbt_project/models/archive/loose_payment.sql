-- Cash that names no bill, or one that is not issued yet: while it is loose, it pays the oldest open bill.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['payment_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

payments as (

    {{ payment_ledger(changed_customers()) }}

),

spans as (

    select
        payment_id,
        customer_id,
        amount,
        paid_on,
        least(reversed_on, bill_issued_on) as loose_until
    from payments
    where
        bill_id is null
        or bill_issued_on > paid_on

),

loose as (

    select * from spans
    where
        loose_until is null
        or loose_until > paid_on

)

select * from loose

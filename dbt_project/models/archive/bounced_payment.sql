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

bounced as (

    select * from payments
    where reversed_on is not null

)

select * from bounced

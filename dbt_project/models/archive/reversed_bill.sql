{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}, {'columns': ['reversed_on']}],
    )
}}

with

bills as (

    {{ bill_ledger(changed_customers()) }}

),

reversed as (

    select
        bill_id,
        customer_id,
        amount,
        issued_on,
        reversed_on
    from bills
    where reversed_on is not null

)

select * from reversed

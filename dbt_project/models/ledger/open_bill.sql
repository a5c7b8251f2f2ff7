-- The bills that customers had not paid in full as of each date that the build covers.
{{
    config(
        materialized='incremental',
        keys_of='covered_scope',
        indexes=[{'columns': ['as_of_date', 'bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('as_of_scope') }}
    where is_covered

),

balances as (

    select * from {{ ref('bill_balance') }}
    where open_amount > 0

),

open_bills as (

    select
        scope.as_of_date,
        balances.customer_id,
        balances.bill_id,
        balances.amount,
        balances.open_amount,
        balances.disputed_amount,
        balances.issued_on,
        balances.due_on
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from
            and scope.as_of_date < balances.valid_to

)

select * from open_bills

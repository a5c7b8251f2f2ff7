-- Of the customers in scope those whom a fact concerns: whatever only facts change is replaced for these alone.
{{ config(materialized='view') }}

with

scope as (

    select * from {{ ref('customer_scope') }}

),

moved as (

    select
        as_of_date,
        customer_id,
        is_known
    from scope
    where has_moved

)

select * from moved

-- Of the customers in scope those whom a fact concerns: whatever only facts change is replaced for these alone.
{{ config(materialized='view') }}

select * from {{ ref('customer_scope') }}
where has_moved

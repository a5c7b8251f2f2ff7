{{ config(materialized='view', keys_of='customer_scope') }}

{{ credit_position('customer_scope') }}

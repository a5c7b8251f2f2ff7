{{ config(materialized='view', keys_of='customer_scope') }}

{{ customer_feature('customer_scope') }}

{{ config(materialized='view', keys_of='customer_scope') }}

{{ customer_feature('payment_behaviour', 'conduct', 'usage') }}

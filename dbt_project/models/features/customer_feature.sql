{{ config(materialized='view') }}

{{ customer_feature('payment_behaviour', 'conduct') }}

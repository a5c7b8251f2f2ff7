{{ config(materialized='view', keys_of='month_end_scope') }}

{{ customer_feature('month_end_scope') }}

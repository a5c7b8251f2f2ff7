{{ config(materialized='view', keys_of='warning_day_scope') }}

{{ customer_feature('warning_day_scope') }}

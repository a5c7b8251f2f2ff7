{{ config(materialized='view', keys_of='warning_day_scope') }}

{{ credit_position('warning_day_scope') }}

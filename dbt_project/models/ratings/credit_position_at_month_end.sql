{{ config(materialized='view', keys_of='month_end_scope') }}

{{ credit_position('month_end_scope') }}

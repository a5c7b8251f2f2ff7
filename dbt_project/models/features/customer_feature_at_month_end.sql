{{ config(materialized='view', keys_of='month_end_scope') }}

{{ customer_feature('payment_behaviour_at_month_end', 'conduct_at_month_end', 'usage_at_month_end') }}

{{ config(materialized='view') }}

{{ customer_feature('payment_behaviour_at_month_end', 'conduct_at_month_end') }}

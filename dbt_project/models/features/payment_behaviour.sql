{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

{{ payment_behaviour('customer_scope') }}

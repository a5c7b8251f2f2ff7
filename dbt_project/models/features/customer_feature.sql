{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

{{ customer_feature('customer_scope') }}

{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{{ open_bill('customer_scope') }}

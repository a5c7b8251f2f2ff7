{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['bill_id', 'paid_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{{ loose_cash_piece('customer_scope') }}

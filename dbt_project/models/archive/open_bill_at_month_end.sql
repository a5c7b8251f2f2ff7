{{
    config(
        materialized='incremental',
        keys_of='month_end_scope',
        indexes=[{'columns': ['as_of_date', 'bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{{ open_bill('month_end_scope') }}

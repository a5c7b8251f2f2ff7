{{
    config(
        materialized='incremental',
        keys_of='warning_day_scope',
        indexes=[{'columns': ['bill_id', 'as_of_date'], 'unique': true}, {'columns': ['customer_id', 'as_of_date']}],
    )
}}

{{ loose_cash('warning_day_scope') }}

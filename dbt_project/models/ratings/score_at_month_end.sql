{{
    config(
        materialized='incremental',
        keys_of='month_end_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}],
    )
}}

{{ score('month_end_scope') }}

{{
    config(
        materialized='incremental',
        keys_of='warning_day_scope',
        indexes=[{'columns': ['customer_id', 'as_of_date'], 'unique': true}],
    )
}}

{{ usage('warning_day_scope') }}

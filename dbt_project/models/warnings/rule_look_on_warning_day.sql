{{
    config(
        materialized='incremental',
        keys_of='warning_day_scope',
        indexes=[{'columns': ['customer_id', 'as_of_date', 'rule'], 'unique': true}],
    )
}}

{{ rule_look('warning_day_scope') }}

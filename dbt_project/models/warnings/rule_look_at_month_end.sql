{{
    config(
        materialized='incremental',
        keys_of='month_end_scope',
        is_kept_a_year=true,
        indexes=[{'columns': ['customer_id', 'as_of_date', 'rule'], 'unique': true}],
    )
}}

{{ rule_look('month_end_scope') }}

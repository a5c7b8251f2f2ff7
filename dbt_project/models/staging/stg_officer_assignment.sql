{{
    config(
        materialized='incremental',
        key='customer_id, valid_from',
        keys_of='officer_assignment',
        pre_hook="{{ note_changed_customers('officer_assignment', \"valid_from\") }}",
        indexes=[{'columns': ['customer_id', 'valid_from'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('officer_assignment') }}

),

renamed as (

    select
        customer_id,
        officer_id,
        valid_from,
        valid_to,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

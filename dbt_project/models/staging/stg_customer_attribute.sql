{{
    config(
        materialized='incremental',
        key='customer_id, name, valid_from',
        keys_of='customer_attribute',
        pre_hook="{{ note_changed_customers('customer_attribute', \"valid_from\") }}",
        indexes=[{'columns': ['customer_id', 'name', 'valid_from'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('customer_attribute') }}

),

renamed as (

    select
        customer_id,
        name,
        value,
        valid_from,
        valid_to,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

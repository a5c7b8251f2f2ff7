{{
    config(
        materialized='incremental',
        key='order_id',
        keys_of='service_order',
        pre_hook="{{ note_changed_customers('service_order', \"requested_on\") }}",
        indexes=[{'columns': ['order_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('service_order') }}

),

renamed as (

    select
        order_id,
        customer_id,
        kind,
        requested_on,
        completed_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

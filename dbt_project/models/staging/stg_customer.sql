{{
    config(
        materialized='incremental',
        key='customer_id',
        keys_of='customer',
        pre_hook="{{ note_changed_customers('customer', \"cast('0001-01-01' as date)\") }}",
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('customer') }}

),

renamed as (

    select
        customer_id,
        segment,
        coalesce(region, 'unknown') as region,
        coalesce(org_unit, 'unknown') as org_unit,
        coalesce(important_user, false) as is_important_user,
        opened_on,
        closed_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

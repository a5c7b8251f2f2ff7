{{
    config(
        materialized='incremental',
        key='meter_id',
        keys_of='meter',
        pre_hook="{{ note_changed_customers('meter', 'cast(null as date)') }}",
        indexes=[{'columns': ['meter_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('meter') }}

),

renamed as (

    select
        meter_id,
        customer_id,
        multiplier,
        installed_on,
        removed_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

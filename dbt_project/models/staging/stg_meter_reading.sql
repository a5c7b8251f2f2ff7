{{
    config(
        materialized='incremental',
        key='meter_id, register, read_on',
        keys_of='meter_reading',
        pre_hook="{{ note_changed_customers('meter_reading', \"read_on\", customers_of=ref('stg_meter')) }}",
        indexes=[{'columns': ['meter_id', 'register', 'read_on'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('meter_reading') }}

),

renamed as (

    select
        meter_id,
        register,
        reading,
        coalesce(quality, 'actual') as quality,
        coalesce(event, 'normal') as event,
        read_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

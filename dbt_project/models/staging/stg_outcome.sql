{{
    config(
        materialized='incremental',
        key='customer_id, as_of_date',
        keys_of='outcome',
        indexes=[{'columns': ['customer_id', 'as_of_date'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('outcome') }}

),

renamed as (

    select
        customer_id,
        as_of_date,
        defaulted as is_defaulted,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

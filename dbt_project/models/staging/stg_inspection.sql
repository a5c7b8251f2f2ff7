{{
    config(
        materialized='incremental',
        key='inspection_id',
        keys_of='inspection',
        pre_hook="{{ note_changed_customers('inspection', \"found_on\") }}",
        indexes=[{'columns': ['inspection_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('inspection') }}

),

renamed as (

    select
        inspection_id,
        customer_id,
        kind,
        recovered_amount,
        penalty,
        found_on,
        settled_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

{{
    config(
        materialized='incremental',
        key='customer_id, role, party_name, valid_from',
        keys_of='party',
        pre_hook="{{ note_changed_customers('party', \"valid_from\") }}",
        indexes=[{'columns': ['customer_id', 'role', 'party_name', 'valid_from'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('party') }}

),

renamed as (

    select
        customer_id,
        role,
        party_name,
        share_pct,
        valid_from,
        valid_to,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

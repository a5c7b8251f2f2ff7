{{
    config(
        materialized='incremental',
        key='customer_id, listed_on, kind',
        keys_of='external_risk',
        pre_hook="{{ note_changed_customers('external_risk', \"listed_on\") }}",
        indexes=[{'columns': ['customer_id', 'listed_on', 'kind'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('external_risk') }}

),

renamed as (

    select
        customer_id,
        kind,
        listed_on,
        removed_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

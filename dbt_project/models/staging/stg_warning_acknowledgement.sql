{{
    config(
        materialized='incremental',
        key='acknowledgement_id',
        keys_of='warning_acknowledgement',
        pre_hook="{{ note_changed_customers('warning_acknowledgement', \"acknowledged_on\") }}",
        indexes=[{'columns': ['acknowledgement_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('warning_acknowledgement') }}

),

renamed as (

    select
        acknowledgement_id,
        customer_id,
        rule,
        officer_id,
        note,
        acknowledged_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

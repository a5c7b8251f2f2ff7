{{
    config(
        materialized='incremental',
        key='investigation_id',
        keys_of='investigation',
        pre_hook="{{ note_changed_customers('investigation', \"done_on\") }}",
        indexes=[{'columns': ['investigation_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('investigation') }}

),

renamed as (

    select
        investigation_id,
        customer_id,
        officer_id,
        operating_score,
        solvency_score,
        done_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

{{
    config(
        materialized='incremental',
        key='notice_id',
        keys_of='department_notice',
        pre_hook="{{ note_changed_customers('department_notice', \"noted_on\") }}",
        indexes=[{'columns': ['notice_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('department_notice') }}

),

renamed as (

    select
        notice_id,
        customer_id,
        department,
        field,
        noted_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

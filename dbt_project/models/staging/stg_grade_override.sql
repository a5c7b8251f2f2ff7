{{
    config(
        materialized='incremental',
        key='override_id',
        keys_of='grade_override',
        pre_hook="{{ note_changed_customers('grade_override', \"starts_on\") }}",
        indexes=[{'columns': ['override_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('grade_override') }}

),

renamed as (

    select
        override_id,
        customer_id,
        grade,
        reason,
        approver_id,
        starts_on,
        ends_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

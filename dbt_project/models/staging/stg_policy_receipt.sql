{#- It is of no customer, so nobody is noted as changed. -#}
{{
    config(
        materialized='incremental',
        key='policy_version, department, staff_id',
        keys_of='policy_receipt',
        indexes=[{'columns': ['policy_version', 'department', 'staff_id'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('policy_receipt') }}

),

renamed as (

    select
        policy_version,
        department,
        staff_id,
        received_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

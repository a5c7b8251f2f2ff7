{#- A changed instalment concerns its plan from the day on which that was made. -#}
{{
    config(
        materialized='incremental',
        key='action_id, due_on',
        keys_of='instalment',
        pre_hook=(
            "{{ note_changed_customers("
            ~ "'instalment', 'cast(null as date)', ref('stg_collection_action'), 'action_id') }}"
        ),
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('instalment') }}

),

renamed as (

    select
        action_id,
        due_on,
        amount,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

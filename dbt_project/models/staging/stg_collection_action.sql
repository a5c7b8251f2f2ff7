{#- An action may name another's bill: one that is withdrawn or corrected no longer says whose bill it was. -#}
{{
    config(
        materialized='incremental',
        key='action_id',
        keys_of='collection_action',
        pre_hook=[
            "{{ note_changed_customers('collection_action', 'acted_on') }}",
            "{{ note_changed_customers('collection_action', 'acted_on', ref('stg_bill'), 'bill_id') }}",
        ],
        indexes=[{'columns': ['action_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('collection_action') }}

),

renamed as (

    select
        action_id,
        customer_id,
        bill_id,
        officer_id,
        kind,
        amount,
        acted_on,
        promise_date,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

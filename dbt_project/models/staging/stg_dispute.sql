{#- One may dispute another's bill: a dispute that is withdrawn or corrected no longer says whose bill it was. -#}
{{
    config(
        materialized='incremental',
        key='dispute_id',
        keys_of='dispute',
        pre_hook=[
            "{{ note_changed_customers('dispute', 'opened_on') }}",
            "{{ note_changed_customers('dispute', 'opened_on', ref('stg_bill'), 'bill_id') }}",
        ],
        indexes=[{'columns': ['dispute_id'], 'unique': true}, {'columns': ['bill_id']}, {'columns': ['customer_id']}],
    )
}}

with

newest as (

    {{ newest_delivery('dispute') }}

),

renamed as (

    select
        dispute_id,
        customer_id,
        bill_id,
        outcome,
        contested_amount,
        opened_on,
        closed_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

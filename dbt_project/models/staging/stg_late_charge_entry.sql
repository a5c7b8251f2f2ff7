{#- No figure of a customer rests on it, so nobody is noted as changed. -#}
{{
    config(
        materialized='incremental',
        key='entry_id',
        keys_of='late_charge_entry',
        indexes=[{'columns': ['entry_id'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('late_charge_entry') }}

),

renamed as (

    select
        entry_id,
        customer_id,
        bill_id,
        kind,
        amount,
        entered_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

{{
    config(
        materialized='incremental',
        key='payment_id',
        keys_of='payment',
        pre_hook="{{ note_changed_customers('payment', \"paid_on\") }}",
        indexes=[
            {'columns': ['payment_id'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['paid_on']},
            {'columns': ['reverses_payment_id']},
        ],
    )
}}

with

newest as (

    {{ newest_delivery('payment') }}

),

renamed as (

    select
        payment_id,
        customer_id,
        bill_id,
        reverses_payment_id,
        amount,
        paid_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed
{%- if not is_incremental() %}
-- A customer's rows lie together, for those who ask for one customer's.
order by customer_id
{%- endif %}

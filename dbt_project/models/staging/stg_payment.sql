with

newest as (

    {{ newest_delivery('payment', 'payment_id') }}

),

renamed as (

    select
        payment_id,
        customer_id,
        bill_id,
        reverses_payment_id,
        amount,
        paid_on,
        _file_id,
        _line_no
    from newest

)

select * from renamed

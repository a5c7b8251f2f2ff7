with

newest as (

    {{ newest_delivery('bill', 'bill_id') }}

),

renamed as (

    select
        bill_id,
        customer_id,
        coalesce(kind, 'regular') as kind,
        reverses_bill_id,
        amount,
        coalesce(disputed, false) as is_disputed,
        period,
        issued_on,
        due_on,
        _file_id,
        _line_no
    from newest

)

select * from renamed

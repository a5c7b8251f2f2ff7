-- Cash that names no bill, counted as of each date: what has come in until each payment, oldest first.
with

dates as (

    select * from {{ ref('as_of_date') }}

),

payments as (

    select * from {{ ref('payment_ledger') }}
    where bill_id is null

),

pool as (

    select
        dates.as_of_date,
        payments.customer_id,
        payments.paid_on,
        sum(sum(payments.amount)) over (
            partition by dates.as_of_date, payments.customer_id
            order by payments.paid_on
        ) as pool_until_then
    from dates
    inner join payments
        on
            payments.paid_on <= dates.as_of_date
            and (payments.reversed_on is null or payments.reversed_on > dates.as_of_date)
    group by dates.as_of_date, payments.customer_id, payments.paid_on

)

select * from pool

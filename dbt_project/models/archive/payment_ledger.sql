with

payments as (

    select * from {{ ref('stg_payment') }}

),

bills as (

    select * from {{ ref('bill_ledger') }}

),

reversals as (

    select
        reverses_payment_id as payment_id,
        min(paid_on) as reversed_on
    from payments
    where reverses_payment_id is not null
    group by reverses_payment_id

),

ledger as (

    select
        payments.payment_id,
        payments.customer_id,
        bills.bill_id,
        payments.amount,
        payments.paid_on,
        reversals.reversed_on,
        coalesce(payments.paid_on <= bills.due_on, false) as is_in_time
    from payments
    left join bills
        on
            payments.bill_id = bills.bill_id
            and payments.customer_id = bills.customer_id
    left join reversals
        on payments.payment_id = reversals.payment_id
    where payments.reverses_payment_id is null

)

select * from ledger

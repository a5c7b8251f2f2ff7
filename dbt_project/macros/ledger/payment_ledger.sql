{% macro payment_ledger(customers=none) -%}
    {#- Payments, each with the day on which it bounced and the bill it names. Of some customers alone, each import is narrowed. -#}
with

payments as (

    {{ originals('payment', customers) }}

),

bills as (

    {{ originals('bill', customers) }}

),

reversals as (

    {{ reversals('payment', 'paid_on', customers) }}

),

ledger as (

    select
        payments.payment_id,
        payments.customer_id,
        bills.bill_id,
        payments.amount,
        payments.paid_on,
        reversals.reversed_on,
        bills.amount as bill_amount,
        case when bills.kind = 'regular' then bills.period end as bill_period,
        bills.issued_on as bill_issued_on,
        bills.due_on as bill_due_on,
        coalesce(payments.paid_on <= bills.due_on, false) as is_in_time
    from payments
    left join bills
        on
            payments.bill_id = bills.bill_id
            and payments.customer_id = bills.customer_id
    left join reversals
        on
            payments.customer_id = reversals.customer_id
            and payments.payment_id = reversals.payment_id

)

select * from ledger
{%- endmacro %}

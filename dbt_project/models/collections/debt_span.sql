-- How much of each bill was open at the end of its due date and of the days after it, from one change to the next, and
-- is charged for, and how much was not paid: what is written off is open no longer, and still unpaid. The bill counts
-- with what it stands at on the last day, and with what is contested then: a credit note lowers both back to the due
-- date.
{{
    config(
        materialized='incremental',
        keys_of='moved_scope',
        indexes=[{'columns': ['bill_id', 'open_from'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

balances as (

    select * from {{ ref('bill_balance') }}

),

balances_then as (

    select
        scope.as_of_date,
        balances.bill_id,
        balances.customer_id,
        balances.issued_on,
        balances.due_on,
        balances.named_paid + balances.allocated_amount as paid_amount,
        balances.written_off_amount,
        greatest(balances.valid_from, balances.due_on) as open_from,
        case when balances.valid_to <= scope.as_of_date then balances.valid_to end as open_until
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date > balances.due_on
            and scope.as_of_date >= balances.valid_from
    where balances.valid_to > balances.due_on

),

standing_bills as (

    select
        scope.as_of_date,
        balances.bill_id,
        balances.amount - balances.credited_amount as standing_amount,
        balances.contested_amount
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from
            and scope.as_of_date < balances.valid_to

),

spans as (

    select
        balances_then.bill_id,
        balances_then.customer_id,
        {{ money(
            'greatest(
                standing_bills.standing_amount - balances_then.paid_amount - balances_then.written_off_amount, 0
            )'
        ) }} as open_amount,
        {{ money('standing_bills.standing_amount - balances_then.paid_amount') }} as unpaid_amount,
        standing_bills.contested_amount,
        balances_then.issued_on,
        balances_then.due_on,
        balances_then.open_from,
        balances_then.open_until
    from balances_then
    inner join standing_bills
        on balances_then.bill_id = standing_bills.bill_id
    where standing_bills.standing_amount > balances_then.paid_amount

)

select * from spans

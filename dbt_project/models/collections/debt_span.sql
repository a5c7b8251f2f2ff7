-- How much of each bill was open at the end of its due date and of the days after it, from one change to the next, and
-- is charged for, and how much was not paid: what is written off is open no longer, and still unpaid. The bill counts
-- with what it stands at on the last day, and with what is contested then: a credit note lowers both back to the due
-- date. One that is taken back opens the bill again from its own day on, and not before.
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
        balances.amount - balances.credited_amount as standing_then,
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
        balances.amount - balances.credited_amount as standing_now,
        balances.contested_amount
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from
            and scope.as_of_date < balances.valid_to

),

owed as (

    select
        balances_then.*,
        least(standing_bills.standing_now, balances_then.standing_then) - balances_then.paid_amount as unpaid,
        standing_bills.contested_amount
    from balances_then
    inner join standing_bills
        on balances_then.bill_id = standing_bills.bill_id

),

spans as (

    select
        bill_id,
        customer_id,
        {{ money('greatest(unpaid - written_off_amount, 0)') }} as open_amount,
        {{ money('unpaid') }} as unpaid_amount,
        contested_amount,
        issued_on,
        due_on,
        open_from,
        open_until
    from owed
    where unpaid > 0

)

select * from spans

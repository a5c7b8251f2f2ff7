-- How each bill stood from a day on until it changed again; a reversed bill stands no longer.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['bill_id', 'valid_from'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

{#- Each import is read once, so that Postgres can read it in parallel. #}

payments as (

    select * from (
        {{ payment_ledger(changed_customers()) }}
    ) as ledger
    where bill_id is not null

),

bounced_payments as (

    select * from (
        {{ payment_ledger(changed_customers()) }}
    ) as ledger
    where
        bill_id is not null
        and reversed_on is not null

),

issued_bills as (

    {{ bill_ledger(changed_customers()) }}

),

bills as (

    {{ bill_ledger(changed_customers()) }}

),

-- A payment adds on its day, and its reversal takes away on the day it bounced.
movements as (

    select
        customer_id,
        bill_id,
        issued_on as moved_on,
        cast(null as date) as paid_on,
        cast(0 as numeric(18, 2)) as amount,
        cast(0 as numeric(18, 2)) as amount_in_time
    from issued_bills

    union all

    select
        customer_id,
        bill_id,
        paid_on as moved_on,
        paid_on,
        amount,
        case when is_in_time then amount else 0 end as amount_in_time
    from payments

    union all

    select
        customer_id,
        bill_id,
        reversed_on as moved_on,
        reversed_on as paid_on,
        -amount as amount,
        case when is_in_time then -amount else 0 end as amount_in_time
    from bounced_payments

),

movements_by_day as (

    select
        customer_id,
        bill_id,
        moved_on,
        max(paid_on) as paid_on,
        sum(amount) as amount,
        sum(amount_in_time) as amount_in_time
    from movements
    group by customer_id, bill_id, moved_on

),

running as (

    select
        movements_by_day.customer_id,
        movements_by_day.bill_id,
        movements_by_day.moved_on as valid_from,
        bills.amount as bill_amount,
        bills.issued_on,
        bills.due_on,
        bills.reversed_on,
        lead(movements_by_day.moved_on) over bill_days as changed_on,
        max(movements_by_day.paid_on) over bill_days as last_paid_on,
        sum(movements_by_day.amount) over bill_days as paid,
        sum(movements_by_day.amount_in_time) over bill_days as paid_in_time
    from movements_by_day
    inner join bills
        on
            movements_by_day.customer_id = bills.customer_id
            and movements_by_day.bill_id = bills.bill_id
    window bill_days as (
        partition by movements_by_day.customer_id, movements_by_day.bill_id
        order by movements_by_day.moved_on
    )

),

-- A spell in which the bill is fully paid begins where the days on which it was not end.
spells as (

    select
        *,
        paid >= bill_amount as is_settled,
        sum(case when paid >= bill_amount then 0 else 1 end) over (
            partition by customer_id, bill_id
            order by valid_from
            rows between unbounded preceding and current row
        ) as spell
    from running

),

states as (

    select
        bill_id,
        customer_id,
        bill_amount as amount,
        cast(least(paid, greatest(bill_amount, 0)) as numeric(18, 2)) as paid_amount,
        cast(least(paid_in_time, greatest(bill_amount, 0)) as numeric(18, 2)) as paid_in_time,
        case when paid > 0 then last_paid_on end as last_paid_on,
        issued_on,
        due_on,
        case
            when bill_amount <= 0 then issued_on
            when is_settled
                then min(case when is_settled then valid_from end) over (partition by customer_id, bill_id, spell)
        end as settled_on,
        valid_from,
        least(
            coalesce(changed_on, cast('9999-12-31' as date)), coalesce(reversed_on, cast('9999-12-31' as date))
        ) as valid_to
    from spells

),

standing as (

    select * from states
    where valid_to > greatest(valid_from, issued_on)

)

select * from standing

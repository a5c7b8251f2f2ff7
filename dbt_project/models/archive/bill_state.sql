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

    select * from {{ ref('bounced_payment') }}
    where bill_id is not null {{ only_of(changed_customers()) }}

),

bills as (

    {{ originals('bill', changed_customers()) }}

),

reversals as (

    {{ reversals('bill', 'issued_on', changed_customers()) }}

),

-- A payment adds on its day, and its reversal takes away on the day it bounced.
movements as (

    select
        customer_id,
        bill_id,
        amount as bill_amount,
        case when kind = 'regular' then period end as period,
        issued_on,
        due_on,
        issued_on as moved_on,
        cast(null as date) as paid_on,
        cast(0 as numeric(18, 2)) as amount,
        cast(0 as numeric(18, 2)) as amount_in_time
    from bills

    union all

    select
        customer_id,
        bill_id,
        bill_amount,
        bill_period as period,
        bill_issued_on as issued_on,
        bill_due_on as due_on,
        paid_on as moved_on,
        paid_on,
        amount,
        case when is_in_time then amount else 0 end as amount_in_time
    from payments

    union all

    select
        customer_id,
        bill_id,
        bill_amount,
        bill_period as period,
        bill_issued_on as issued_on,
        bill_due_on as due_on,
        reversed_on as moved_on,
        reversed_on as paid_on,
        -amount as amount,
        case when is_in_time then -amount else 0 end as amount_in_time
    from bounced_payments

),

-- Of a day with several movements each row has the sums of them all; only the last of them lasts until another day.
running as (

    select
        customer_id,
        bill_id,
        bill_amount,
        period,
        issued_on,
        due_on,
        moved_on as valid_from,
        lead(moved_on) over bill_days as changed_on,
        first_value(moved_on) over bill_days as first_moved_on,
        max(paid_on) over bill_days as last_paid_on,
        sum(amount) over bill_days as paid,
        sum(amount_in_time) over bill_days as paid_in_time
    from movements
    window bill_days as (
        partition by customer_id, bill_id
        order by moved_on
    )

),

-- A bill that is fully paid has been so since the last day on which it was not changed.
spells as (

    select
        *,
        case
            when paid >= bill_amount then coalesce(
                max(case when paid < bill_amount then changed_on end) over (
                    partition by customer_id, bill_id
                    order by valid_from
                ),
                first_moved_on
            )
        end as fully_paid_since
    from running

),

states as (

    select
        spells.bill_id,
        spells.customer_id,
        spells.bill_amount as amount,
        cast(least(spells.paid, greatest(spells.bill_amount, 0)) as numeric(18, 2)) as paid_amount,
        cast(least(spells.paid_in_time, greatest(spells.bill_amount, 0)) as numeric(18, 2)) as paid_in_time,
        case when spells.paid > 0 then spells.last_paid_on end as last_paid_on,
        spells.issued_on,
        {{ month_bit('spells.issued_on') }} as issued_month_bit,
        spells.period,
        spells.due_on,
        case when spells.bill_amount <= 0 then spells.issued_on else spells.fully_paid_since end as settled_on,
        spells.valid_from,
        least(
            coalesce(spells.changed_on, cast('9999-12-31' as date)),
            coalesce(reversals.reversed_on, cast('9999-12-31' as date))
        ) as valid_to
    from spells
    left join reversals
        on
            spells.customer_id = reversals.customer_id
            and spells.bill_id = reversals.bill_id

),

standing as (

    select * from states
    where valid_to > greatest(valid_from, issued_on)

)

select * from standing

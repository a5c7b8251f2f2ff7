with

payments as (

    select * from {{ ref('payment_ledger') }}
    where bill_id is not null

),

bills as (

    select * from {{ ref('bill_ledger') }}

),

-- A payment adds on its day, and its reversal takes away on the day it bounced.
movements as (

    select
        bill_id,
        paid_on as moved_on,
        amount,
        case when is_in_time then amount else 0 end as amount_in_time
    from payments

    union all

    select
        bill_id,
        reversed_on as moved_on,
        -amount as amount,
        case when is_in_time then -amount else 0 end as amount_in_time
    from payments
    where reversed_on is not null

),

movements_by_day as (

    select
        bill_id,
        moved_on,
        sum(amount) as amount,
        sum(amount_in_time) as amount_in_time
    from movements
    group by bill_id, moved_on

),

running as (

    select
        movements_by_day.bill_id,
        movements_by_day.moved_on as valid_from,
        bills.amount as bill_amount,
        lead(movements_by_day.moved_on) over bill_days as valid_to,
        sum(movements_by_day.amount) over bill_days as paid_direct,
        sum(movements_by_day.amount_in_time) over bill_days as paid_direct_in_time
    from movements_by_day
    inner join bills
        on movements_by_day.bill_id = bills.bill_id
    window bill_days as (partition by movements_by_day.bill_id order by movements_by_day.moved_on)

),

-- The last day on which the bill was not fully paid starts, the day after it, the spell in which it is.
spells as (

    select
        *,
        paid_direct >= bill_amount as is_settled,
        coalesce(
            sum(case when paid_direct >= bill_amount then 0 else 1 end) over (
                partition by bill_id
                order by valid_from
                rows between unbounded preceding and current row
            ),
            0
        ) as spell
    from running

),

states as (

    select
        bill_id,
        paid_direct,
        paid_direct_in_time,
        valid_from,
        valid_to,
        case
            when is_settled
                then min(case when is_settled then valid_from end) over (partition by bill_id, spell)
        end as settled_on
    from spells

)

select * from states

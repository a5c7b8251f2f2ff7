with

dates as (

    select * from {{ ref('as_of_date') }}

),

bills as (

    select * from {{ ref('bill_ledger') }}

),

states as (

    select * from {{ ref('bill_payment_state') }}

),

pool as (

    select * from {{ ref('pool_as_of') }}

),

pool_customers as (

    select distinct
        as_of_date,
        customer_id
    from pool

),

bills_then as (

    select
        dates.as_of_date,
        dates.year_before,
        bills.bill_id,
        bills.customer_id,
        bills.amount,
        bills.issued_on,
        bills.due_on,
        states.settled_on as settled_directly_on,
        case when states.paid_direct > 0 then states.valid_from end as last_paid_directly_on,
        least(coalesce(states.paid_direct, 0), greatest(bills.amount, 0)) as paid_direct,
        least(coalesce(states.paid_direct_in_time, 0), greatest(bills.amount, 0)) as paid_direct_in_time,
        pool_customers.customer_id is not null as has_pool
    from dates
    inner join bills
        on
            bills.issued_on <= dates.as_of_date
            and (bills.reversed_on is null or bills.reversed_on > dates.as_of_date)
    left join states
        on
            bills.bill_id = states.bill_id
            and states.valid_from <= dates.as_of_date
            and (states.valid_to is null or states.valid_to > dates.as_of_date)
    left join pool_customers
        on
            dates.as_of_date = pool_customers.as_of_date
            and bills.customer_id = pool_customers.customer_id

),

-- The oldest open bill comes first: each bill's turn begins where the older ones' need ends.
turns as (

    select
        as_of_date,
        bill_id,
        customer_id,
        due_on,
        greatest(amount - paid_direct, 0) as need,
        sum(greatest(amount - paid_direct, 0)) over (
            partition by as_of_date, customer_id
            order by due_on, bill_id
            rows between unbounded preceding and current row
        ) as turn_ends
    from bills_then
    where has_pool

),

from_pool as (

    select
        turns.as_of_date,
        turns.bill_id,
        greatest(least(max(pool.pool_until_then), max(turns.turn_ends)) - max(turns.turn_ends - turns.need), 0)
            as paid_from_pool,
        greatest(
            least(
                coalesce(max(case when pool.paid_on <= turns.due_on then pool.pool_until_then end), 0),
                max(turns.turn_ends)
            ) - max(turns.turn_ends - turns.need),
            0
        ) as paid_from_pool_in_time,
        min(case when pool.pool_until_then >= turns.turn_ends then pool.paid_on end) as settled_by_pool_on
    from turns
    inner join pool
        on
            turns.as_of_date = pool.as_of_date
            and turns.customer_id = pool.customer_id
    where turns.need > 0
    group by turns.as_of_date, turns.bill_id

),

paid_then as (

    select
        bills_then.as_of_date,
        bills_then.bill_id,
        bills_then.customer_id,
        bills_then.amount,
        bills_then.paid_direct + coalesce(from_pool.paid_from_pool, 0) as paid_amount,
        bills_then.paid_direct_in_time + coalesce(from_pool.paid_from_pool_in_time, 0) as paid_in_time,
        bills_then.issued_on,
        bills_then.due_on,
        case
            when bills_then.amount <= 0 then bills_then.issued_on
            when bills_then.settled_directly_on is not null then bills_then.settled_directly_on
            when from_pool.settled_by_pool_on is not null
                then greatest(from_pool.settled_by_pool_on, bills_then.last_paid_directly_on)
        end as settled_on,
        bills_then.year_before
    from bills_then
    left join from_pool
        on
            bills_then.as_of_date = from_pool.as_of_date
            and bills_then.bill_id = from_pool.bill_id

),

in_view as (

    select
        as_of_date,
        bill_id,
        customer_id,
        amount,
        paid_amount,
        least(paid_in_time, paid_amount) as paid_in_time,
        greatest(amount - paid_amount, 0) as open_amount,
        {{ days_after('due_on', 'coalesce(settled_on, as_of_date)') }} as days_late,
        issued_on,
        due_on,
        settled_on,
        due_on > year_before and due_on <= as_of_date as is_due_in_year,
        issued_on > year_before as is_issued_in_year
    from paid_then
    where
        settled_on is null
        or due_on > year_before

)

select * from in_view

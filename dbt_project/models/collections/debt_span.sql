-- How much of each bill was open on the days after its due date, from one payment to the next, by all cash up to the last day.
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

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

states as (

    select * from {{ ref('bill_state') }}

),

pieces as (

    select * from {{ ref('loose_cash_piece') }}

),

reversed_bills as (

    select * from {{ ref('reversed_bill') }}

),

-- Of the customers in scope alone, before they are read twice.
states_in_scope as (

    select
        scope.as_of_date,
        states.bill_id,
        states.customer_id,
        states.due_on,
        states.valid_from,
        states.valid_to,
        greatest(states.amount - states.paid_amount, 0) as open_amount,
        cast({{ dbt.dateadd('day', 1, 'states.due_on') }} as date) as overdue_from
    from scope
    inner join states
        on
            scope.customer_id = states.customer_id
            and scope.as_of_date > states.due_on
    where states.valid_to > {{ dbt.dateadd('day', 1, 'states.due_on') }}

),

-- What a state leaves open comes with it and goes with it; of the time before the day after the due date the sum is enough.
movements as (

    select
        as_of_date,
        bill_id,
        customer_id,
        due_on,
        greatest(valid_from, overdue_from) as moved_on,
        open_amount as amount
    from states_in_scope
    where valid_from <= as_of_date

    union all

    select
        as_of_date,
        bill_id,
        customer_id,
        due_on,
        valid_to as moved_on,
        -open_amount as amount
    from states_in_scope
    where valid_to <= as_of_date

    union all

    select
        scope.as_of_date,
        pieces.bill_id,
        pieces.customer_id,
        pieces.due_on,
        greatest(pieces.paid_on, cast({{ dbt.dateadd('day', 1, 'pieces.due_on') }} as date)) as moved_on,
        -pieces.amount as amount
    from scope
    inner join pieces
        on
            scope.customer_id = pieces.customer_id
            and scope.as_of_date > pieces.due_on

),

by_day as (

    select
        as_of_date,
        bill_id,
        customer_id,
        due_on,
        moved_on,
        sum(amount) as amount
    from movements
    group by as_of_date, bill_id, customer_id, due_on, moved_on
    having sum(amount) <> 0

),

running as (

    select
        bill_id,
        customer_id,
        due_on,
        moved_on as open_from,
        lead(moved_on) over (
            partition by bill_id
            order by moved_on
        ) as open_until,
        sum(amount) over (
            partition by bill_id
            order by moved_on
            rows between unbounded preceding and current row
        ) as open_amount
    from by_day

),

-- A bill that was cancelled was never a debt.
spans as (

    select
        running.bill_id,
        running.customer_id,
        cast(running.open_amount as numeric(18, 2)) as open_amount,
        running.due_on,
        running.open_from,
        running.open_until
    from running
    cross join dates
    left join reversed_bills
        on
            running.bill_id = reversed_bills.bill_id
            and dates.as_of_date >= reversed_bills.reversed_on
    where
        running.open_amount > 0
        and reversed_bills.bill_id is null

)

select * from spans

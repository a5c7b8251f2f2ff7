{% macro loose_cash(scope) -%}
    {#-
        What loose cash pays of each bill, as of each date of a scope: it comes in day by day and pays the oldest open
        bill first, so a bill's turn begins where the older ones' need ends.
    -#}
with

scope as (

    select * from {{ ref(scope) }}
    where
        is_known
        and has_loose_cash

),

payments as (

    select * from {{ ref('loose_payment') }}

),

states as (

    select * from {{ ref('bill_state') }}

),

cash_by_day as (

    select
        scope.as_of_date,
        scope.customer_id,
        payments.paid_on,
        sum(payments.amount) as amount
    from scope
    inner join payments
        on
            scope.customer_id = payments.customer_id
            and payments.paid_on <= scope.as_of_date
            and (payments.loose_until is null or payments.loose_until > scope.as_of_date)
    group by scope.as_of_date, scope.customer_id, payments.paid_on

),

cash as (

    select
        as_of_date,
        customer_id,
        paid_on,
        sum(amount) over (
            partition by as_of_date, customer_id
            order by paid_on
        ) as cash_until_then
    from cash_by_day

),

turns as (

    select
        scope.as_of_date,
        scope.customer_id,
        states.bill_id,
        states.due_on,
        states.last_paid_on,
        greatest(states.amount - states.paid_amount, 0) as need,
        sum(greatest(states.amount - states.paid_amount, 0)) over (
            partition by scope.as_of_date, scope.customer_id
            order by states.due_on, states.bill_id
            rows between unbounded preceding and current row
        ) as turn_ends
    from scope
    inner join states
        on
            scope.customer_id = states.customer_id
            and states.issued_on <= scope.as_of_date
            and states.valid_from <= scope.as_of_date
            and states.valid_to > scope.as_of_date

),

paid as (

    select
        turns.as_of_date,
        turns.bill_id,
        turns.customer_id,
        greatest(least(max(cash.cash_until_then), max(turns.turn_ends)) - max(turns.turn_ends - turns.need), 0)
            as paid_amount,
        greatest(
            least(
                coalesce(max(case when cash.paid_on <= turns.due_on then cash.cash_until_then end), 0),
                max(turns.turn_ends)
            ) - max(turns.turn_ends - turns.need),
            0
        ) as paid_in_time,
        greatest(
            min(case when cash.cash_until_then >= turns.turn_ends then cash.paid_on end), max(turns.last_paid_on)
        ) as last_paid_on,
        coalesce(max(cash.cash_until_then) >= max(turns.turn_ends), false) as is_settled
    from turns
    inner join cash
        on
            turns.as_of_date = cash.as_of_date
            and turns.customer_id = cash.customer_id
    where turns.need > 0
    group by turns.as_of_date, turns.bill_id, turns.customer_id

),

shares as (

    select
        as_of_date,
        bill_id,
        customer_id,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast(paid_in_time as numeric(18, 2)) as paid_in_time,
        case when is_settled then last_paid_on end as settled_on
    from paid
    where paid_amount > 0

)

select * from shares
{%- endmacro %}

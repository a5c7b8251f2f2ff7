{% macro loose_cash_piece(scope) -%}
    {#-
        Which loose cash pays how much of which bill, as of each date of a scope: it comes in day by day and pays the
        oldest open bill first, so a bill's turn begins where the older ones' need ends.
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
        amount,
        sum(amount) over (
            partition by as_of_date, customer_id
            order by paid_on
        ) as cash_ends
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

-- What a day's cash pays of a bill is where the two lie over each other.
pieces as (

    select
        {{ date_of(scope, 'turns') }}
        turns.bill_id,
        turns.customer_id,
        turns.need,
        turns.due_on,
        turns.last_paid_on,
        cash.paid_on,
        least(turns.turn_ends, cash.cash_ends)
        - greatest(turns.turn_ends - turns.need, cash.cash_ends - cash.amount) as amount
    from turns
    inner join cash
        on
            turns.as_of_date = cash.as_of_date
            and turns.customer_id = cash.customer_id
            and turns.turn_ends - turns.need < cash.cash_ends
            and turns.turn_ends > cash.cash_ends - cash.amount
    where turns.need > 0

)

select * from pieces
{%- endmacro %}

{% macro loose_cash(scope) -%}
    {#- What loose cash pays of each bill, as of each date of a scope. -#}
with

pieces as (

    {{ loose_cash_piece(scope) if is_past(scope) else 'select * from ' ~ ref('loose_cash_piece') }}

),

paid as (

    select
        {{ date_of(scope) }}
        bill_id,
        customer_id,
        sum(amount) as paid_amount,
        sum(case when paid_on <= due_on then amount else 0 end) as paid_in_time,
        greatest(max(paid_on), max(last_paid_on)) as last_paid_on,
        sum(amount) = max(need) as is_settled
    from pieces
    group by {{ date_of(scope) }} bill_id, customer_id

),

shares as (

    select
        {{ date_of(scope) }}
        bill_id,
        customer_id,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast(paid_in_time as numeric(18, 2)) as paid_in_time,
        case when is_settled then last_paid_on end as settled_on
    from paid

)

select * from shares
{%- endmacro %}

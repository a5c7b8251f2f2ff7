-- What each account stands at, as of the dates that this run computes for it: the last day, and month-ends. The flows
-- come from the movements, the open amounts from the allocation, the credit balance from credit and needs: so they can
-- be held against each other.
{{
    config(
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}],
    )
}}

{%- set flows = ['billed', 'credited', 'collected', 'returned', 'refunded', 'unexplained'] %}
with

scope as (

    select
        as_of_date,
        customer_id,
        true as is_latest
    from {{ ref('customer_scope') }}
    where is_known

    union all

    select
        as_of_date,
        customer_id,
        false as is_latest
    from {{ ref('month_end_scope') }}
    where is_known

),

balances as (

    select * from {{ ref('bill_balance') }}
    where
        open_amount <> 0
        or written_off_amount <> 0
        or allocated_amount <> 0
        or excess_amount <> 0

),

credit_steps as (

    select * from {{ ref('credit_step') }}

),

account_months as (

    select * from {{ ref('account_month') }}

),

movements as (

    select * from {{ ref('movement') }}

),

payments as (

    select * from {{ ref('stg_payment') }}

),

bill_sums as (

    select
        scope.as_of_date,
        scope.customer_id,
        sum(balances.open_amount) as open_amount,
        sum(case when balances.due_on < scope.as_of_date then balances.open_amount else 0 end) as overdue_amount,
        max(case when balances.open_amount > 0 then {{ days_after('balances.due_on', 'scope.as_of_date') }} else 0 end)
            as max_days_overdue,
        sum(balances.disputed_amount) as disputed_amount,
        sum(case when balances.due_on < scope.as_of_date then balances.disputed_amount else 0 end)
            as disputed_overdue_amount,
        sum(balances.written_off_amount) as written_off_amount,
        sum(balances.recovered_amount) as recovered_amount,
        -- What unallocated credit could pay, whatever the allocation made of it.
        sum(balances.open_amount + balances.allocated_amount) as need,
        sum(balances.excess_amount) as excess
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from
            and scope.as_of_date < balances.valid_to
    group by
        scope.as_of_date,
        scope.customer_id

),

-- Months that had ended by the date; a month-end's own month too.
months_then as (

    select
        scope.as_of_date,
        scope.customer_id,
        {%- for flow in flows %}
        months.{{ flow }}_to_date as {{ flow }},
        {%- endfor %}
        months.paid_mark
    from scope
    inner join account_months as months
        on
            scope.customer_id = months.customer_id
            and scope.as_of_date >= {{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'months.month')) }}
            and scope.as_of_date < {{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'months.next_month')) }}

),

-- Of the last day's own month what has happened by then.
running_month as (

    select
        scope.as_of_date,
        scope.customer_id,
        {{ flow_amounts('movements') }},
        {{ paid_mark('movements') }} as paid_mark
    from scope
    inner join movements
        on
            scope.customer_id = movements.account_id
            and scope.as_of_date >= movements.moved_on
    where
        scope.is_latest
        and movements.moved_on >= cast({{ dbt.date_trunc('month', last_day()) }} as date)
        and not {{ 'true' if is_month_end(as_of_dates() | last) else 'false' }}

),

-- Credit of a payer who paid ahead for another: his last payment as long as it is his.
passing_payments as (

    select
        scope.as_of_date,
        scope.customer_id,
        {%- for flow in flows %}
        0 as {{ flow }},
        {%- endfor %}
        cast(movements.paid_on as {{ dbt.type_string() }}) || movements.fact_id as paid_mark
    from scope
    inner join movements
        on
            scope.customer_id = movements.account_id
            and scope.as_of_date >= movements.moved_on
            and scope.as_of_date < movements.counts_from
    where
        movements.is_passing
        and movements.kind = 'payment'

),

flow_parts as (

    select * from months_then

    union all

    select * from running_month

    union all

    select * from passing_payments

),

flow_sums as (

    select
        as_of_date,
        customer_id,
        {%- for flow in flows %}
        sum({{ flow }}) as {{ flow }},
        {%- endfor %}
        max(paid_mark) as paid_mark
    from flow_parts
    group by
        as_of_date,
        customer_id

),

accounts as (

    select
        scope.as_of_date,
        scope.customer_id,
        scope.is_latest,
        {{ money('coalesce(bill_sums.open_amount, 0)') }} as open_amount,
        {{ money('coalesce(bill_sums.open_amount - bill_sums.overdue_amount, 0)') }} as not_due_amount,
        {{ money('coalesce(bill_sums.overdue_amount, 0)') }} as overdue_amount,
        coalesce(bill_sums.max_days_overdue, 0) as max_days_overdue,
        {{ money('coalesce(bill_sums.disputed_amount, 0)') }} as disputed_amount,
        {{ money('coalesce(bill_sums.disputed_overdue_amount, 0)') }} as disputed_overdue_amount,
        {{ money('coalesce(credit_steps.credit, 0) + coalesce(bill_sums.excess, 0)
            - least(
                greatest(coalesce(credit_steps.credit, 0) + coalesce(bill_sums.excess, 0), 0),
                coalesce(bill_sums.need, 0)
            )') }}
            as credit_balance,
        {{ money('coalesce(bill_sums.written_off_amount, 0)') }} as written_off_amount,
        {{ money('coalesce(bill_sums.recovered_amount, 0)') }} as recovered_amount,
        {%- for flow in flows %}
        {{ money('coalesce(flow_sums.' ~ flow ~ ', 0)') }} as {{ flow }}_amount,
        {%- endfor %}
        payments.paid_on as last_paid_on,
        payments.amount as last_paid_amount
    from scope
    left join bill_sums
        on
            scope.as_of_date = bill_sums.as_of_date
            and scope.customer_id = bill_sums.customer_id
    left join flow_sums
        on
            scope.as_of_date = flow_sums.as_of_date
            and scope.customer_id = flow_sums.customer_id
    left join credit_steps
        on
            scope.customer_id = credit_steps.customer_id
            and scope.as_of_date >= credit_steps.valid_from
            and scope.as_of_date < credit_steps.valid_to
    left join payments
        on substring(flow_sums.paid_mark from 11) = payments.payment_id

)

select * from accounts

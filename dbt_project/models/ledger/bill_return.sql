-- What returns that name a bill and no payment take back, as of each day on which this changes: of the bill's payments,
-- newest first.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[
            {'columns': ['bill_id', 'payment_id', 'fact_id', 'moved_on', 'account_id'], 'unique': true},
            {'columns': ['account_id']},
        ],
    )
}}

with

returns as (

    {{ payments_of_changed_accounts(
        'payments.amount < 0 and payments.reverses_payment_id is null and payments.bill_id is not null'
    ) }}

),

bills as (

    {{ root_bills() }}

),

payments as (

    select payments.*
    from {{ ref('stg_payment') }} as payments
    where
        not payments.is_deleted
        and payments.bill_id in (select bill_id from returns)
        and {{ is_root_payment('payments') }}

),

-- All that name such a bill, also of customers whose accounts did not change.
all_returns as (

    select payments.*
    from {{ ref('stg_payment') }} as payments
    where
        not payments.is_deleted
        and payments.amount < 0
        and payments.reverses_payment_id is null
        and payments.bill_id in (select bill_id from returns)

),

reversal_effects as (

    select * from {{ ref('reversal_effect') }}
    where
        extract = 'payment'
        and effect <> 0

),

-- A fact that names a bill counts from the bill's own day on at the earliest.
return_movements as (

    select
        returns.bill_id,
        returns.payment_id as fact_id,
        coalesce(bills.customer_id, returns.customer_id) as account_id,
        returns.paid_on,
        greatest(returns.paid_on, bills.issued_on) as moved_on,
        -returns.amount as amount
    from all_returns as returns
    left join bills
        on returns.bill_id = bills.bill_id

    union all

    select
        returns.bill_id,
        returns.payment_id as fact_id,
        coalesce(bills.customer_id, returns.customer_id) as account_id,
        returns.paid_on,
        greatest(reversal_effects.moved_on, bills.issued_on) as moved_on,
        -reversal_effects.effect as amount
    from all_returns as returns
    inner join reversal_effects
        on returns.payment_id = reversal_effects.root_id
    left join bills
        on returns.bill_id = bills.bill_id

),

payment_movements as (

    select
        payments.bill_id,
        payments.payment_id,
        coalesce(bills.customer_id, payments.customer_id) as account_id,
        greatest(payments.paid_on, bills.issued_on) as counts_from,
        greatest(payments.paid_on, bills.issued_on) as moved_on,
        payments.amount
    from payments
    left join bills
        on payments.bill_id = bills.bill_id

    union all

    select
        payments.bill_id,
        payments.payment_id,
        coalesce(bills.customer_id, payments.customer_id) as account_id,
        greatest(payments.paid_on, bills.issued_on) as counts_from,
        greatest(reversal_effects.moved_on, bills.issued_on) as moved_on,
        -reversal_effects.effect as amount
    from payments
    inner join reversal_effects
        on payments.payment_id = reversal_effects.root_id
    left join bills
        on payments.bill_id = bills.bill_id

),

days as (

    select
        bill_id,
        moved_on
    from return_movements

    union

    select
        bill_id,
        moved_on
    from payment_movements
    where bill_id in (select bill_id from return_movements)

),

returned_by_fact as (

    select
        days.bill_id,
        days.moved_on,
        return_movements.fact_id,
        return_movements.account_id,
        return_movements.paid_on,
        sum(return_movements.amount) as returned,
        max(return_movements.moved_on) as last_moved_on
    from days
    inner join return_movements
        on
            days.bill_id = return_movements.bill_id
            and days.moved_on >= return_movements.moved_on
    group by
        days.bill_id,
        days.moved_on,
        return_movements.fact_id,
        return_movements.account_id,
        return_movements.paid_on

),

returned_by_day as (

    select
        bill_id,
        moved_on,
        sum(returned) as returned,
        -- The newest return of them, which rows of this day are put down to.
        substring(max(cast(last_moved_on as {{ dbt.type_string() }}) || fact_id) from 11) as fact_id
    from returned_by_fact
    group by bill_id, moved_on

),

paid_by_day as (

    select
        days.bill_id,
        days.moved_on,
        payment_movements.payment_id,
        payment_movements.account_id,
        payment_movements.counts_from,
        sum(payment_movements.amount) as paid
    from days
    inner join payment_movements
        on
            days.bill_id = payment_movements.bill_id
            and days.moved_on >= payment_movements.moved_on
    group by
        days.bill_id,
        days.moved_on,
        payment_movements.payment_id,
        payment_movements.account_id,
        payment_movements.counts_from

),

taken_by_day as (

    select
        paid_by_day.bill_id,
        paid_by_day.moved_on,
        paid_by_day.payment_id,
        paid_by_day.account_id,
        returned_by_day.fact_id,
        least(
            paid_by_day.paid,
            greatest(
                returned_by_day.returned + paid_by_day.paid - sum(paid_by_day.paid) over (
                    partition by paid_by_day.bill_id, paid_by_day.moved_on
                    order by paid_by_day.counts_from desc, paid_by_day.payment_id desc
                    rows between unbounded preceding and current row
                ),
                0
            )
        ) as taken
    from paid_by_day
    inner join returned_by_day
        on
            paid_by_day.bill_id = returned_by_day.bill_id
            and paid_by_day.moved_on = returned_by_day.moved_on

),

paid_in_all as (

    select
        bill_id,
        moved_on,
        sum(paid) as paid
    from paid_by_day
    group by bill_id, moved_on

),

-- The first return takes first: what the payments do not cover of a later one is unexplained.
unexplained_by_day as (

    select
        returned_by_fact.bill_id,
        returned_by_fact.moved_on,
        returned_by_fact.fact_id,
        returned_by_fact.account_id,
        greatest(
            least(
                returned_by_fact.returned,
                sum(returned_by_fact.returned) over (
                    partition by returned_by_fact.bill_id, returned_by_fact.moved_on
                    order by returned_by_fact.paid_on, returned_by_fact.fact_id
                    rows between unbounded preceding and current row
                ) - coalesce(paid_in_all.paid, 0)
            ),
            0
        ) as unexplained
    from returned_by_fact
    left join paid_in_all
        on
            returned_by_fact.bill_id = paid_in_all.bill_id
            and returned_by_fact.moved_on = paid_in_all.moved_on

),

changes as (

    select
        bill_id,
        payment_id,
        account_id,
        fact_id,
        moved_on,
        taken - coalesce(lag(taken) over (partition by bill_id, payment_id order by moved_on), 0) as effect,
        0 as unexplained_amount
    from taken_by_day

    union all

    select
        bill_id,
        '' as payment_id,
        account_id,
        fact_id,
        moved_on,
        0 as effect,
        unexplained - coalesce(lag(unexplained) over (partition by bill_id, fact_id order by moved_on), 0)
            as unexplained_amount
    from unexplained_by_day

),

changed as (

    select
        bill_id,
        payment_id,
        account_id,
        fact_id,
        moved_on,
        {{ money('effect') }} as effect,
        {{ money('unexplained_amount') }} as unexplained_amount
    from changes
    where
        effect <> 0
        or unexplained_amount <> 0

)

select * from changed
where true {{ only_of_accounts() }}

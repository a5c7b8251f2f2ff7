-- What of each bill was credited, and paid by payments that name it, from one change to the next: the facts before any allocation.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['bill_id', 'valid_from'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

bills as (

    {{ root_bills(changed_customers()) }}

),

movements as (

    select * from {{ ref('movement') }}
    where bill_id is not null {{ only_of_accounts() }}

),

-- Of a day with several movements each row has the sums of them all; only the last of them lasts until another day.
running as (

    select
        movements.bill_id,
        movements.moved_on as valid_from,
        lead(movements.moved_on) over bill_days as valid_to,
        sum(case when movements.kind = 'credit' then movements.amount else 0 end) over bill_days as credited,
        sum(
            case movements.kind
                when 'payment' then movements.amount
                when 'return' then -movements.amount
                else 0
            end
        ) over bill_days as named_paid,
        sum(
            case
                when movements.counts_from is null or movements.counts_from > bills.due_on then 0
                when movements.kind = 'payment' then movements.amount
                when movements.kind = 'return' then -movements.amount
                else 0
            end
        ) over bill_days as named_in_time,
        bills.customer_id,
        bills.amount,
        bills.is_disputed,
        bills.kind,
        bills.period,
        bills.issued_on,
        bills.due_on
    from movements
    inner join bills
        on movements.bill_id = bills.bill_id
    window bill_days as (
        partition by movements.bill_id
        order by movements.moved_on
    )

),

steps as (

    select
        bill_id,
        customer_id,
        amount,
        is_disputed,
        case when kind = 'regular' then period end as period,
        issued_on,
        due_on,
        {{ money('least(credited, amount)') }} as credited_amount,
        {{ money('greatest(credited - amount, 0)') }} as credited_beyond,
        {{ money('named_paid') }} as named_paid,
        {{ money('named_in_time') }} as named_in_time,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from running
    where
        valid_to is null
        or valid_to > valid_from

)

select * from steps

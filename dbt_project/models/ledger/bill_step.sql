-- What of each bill was credited, contested, and paid by payments that name it, from one change to the next: the facts
-- before any allocation.
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

disputes as (

    select * from {{ ref('dispute_span') }}
    where true {{ only_of(changed_customers()) }}

),

-- A dispute that begins or ends changes how its bill stands, as money does.
changes as (

    select
        bill_id,
        moved_on,
        kind,
        amount,
        counts_from
    from movements

    union all

    select
        bill_id,
        valid_from as moved_on,
        'dispute' as kind,
        0 as amount,
        cast(null as date) as counts_from
    from disputes

    union all

    select
        bill_id,
        valid_to as moved_on,
        'dispute' as kind,
        0 as amount,
        cast(null as date) as counts_from
    from disputes
    where valid_to < {{ end_of_time() }}

),

-- Of a day with several changes each row has the sums of them all; only the last of them lasts until another day.
running as (

    select
        changes.bill_id,
        changes.moved_on as valid_from,
        lead(changes.moved_on) over bill_days as valid_to,
        sum(case when changes.kind = 'credit' then changes.amount else 0 end) over bill_days as credited,
        sum(
            case changes.kind
                when 'payment' then changes.amount
                when 'return' then -changes.amount
                else 0
            end
        ) over bill_days as named_paid,
        sum(
            case
                when changes.counts_from is null or changes.counts_from > bills.due_on then 0
                when changes.kind = 'payment' then changes.amount
                when changes.kind = 'return' then -changes.amount
                else 0
            end
        ) over bill_days as named_in_time,
        bills.customer_id,
        bills.amount,
        bills.kind,
        bills.period,
        bills.issued_on,
        bills.due_on
    from changes
    inner join bills
        on changes.bill_id = bills.bill_id
    window bill_days as (
        partition by changes.bill_id
        order by changes.moved_on
    )

),

steps as (

    select
        running.bill_id,
        running.customer_id,
        running.amount,
        case when running.kind = 'regular' then running.period end as period,
        running.issued_on,
        running.due_on,
        {{ money('least(running.credited, running.amount)') }} as credited_amount,
        {{ money('greatest(running.credited - running.amount, 0)') }} as credited_beyond,
        {{ money('coalesce(disputes.contested_amount, 0)') }} as contested_amount,
        {{ money('running.named_paid') }} as named_paid,
        {{ money('running.named_in_time') }} as named_in_time,
        running.valid_from,
        coalesce(running.valid_to, {{ end_of_time() }}) as valid_to
    from running
    left join disputes
        on
            running.bill_id = disputes.bill_id
            and running.valid_from >= disputes.valid_from
            and running.valid_from < disputes.valid_to
    where
        running.valid_to is null
        or running.valid_to > running.valid_from

)

select * from steps

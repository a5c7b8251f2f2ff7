-- From when to when how much of each bill is disputed: by the extract `dispute`, or where that says nothing of the bill
-- by its flag. Decided for the customer, a dispute lasts until the credit note: nobody is dunned for what he need not
-- pay.
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

disputes as (

    select * from {{ ref('stg_dispute') }}
    where
        not is_deleted
        and coalesce(contested_amount, 1) > 0

),

movements as (

    select * from {{ ref('movement') }}
    where
        kind = 'credit'
        {{ only_of_accounts() }}
        and bill_id is not null

),

-- Days on which more was credited of a bill than taken back.
credits as (

    select
        bill_id,
        moved_on
    from movements
    group by
        bill_id,
        moved_on
    having sum(amount) > 0

),

credited as (

    select
        disputes.dispute_id,
        min(credits.moved_on) as credited_on
    from disputes
    inner join credits
        on
            disputes.bill_id = credits.bill_id
            and disputes.opened_on <= credits.moved_on
    group by disputes.dispute_id

),

dated as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.amount,
        least(coalesce(disputes.contested_amount, bills.amount), bills.amount) as contested_amount,
        greatest(disputes.opened_on, bills.issued_on) as valid_from,
        case
            when disputes.closed_on is null then {{ end_of_time() }}
            when not {{ decided_for_customer('disputes.outcome') }} then disputes.closed_on
            when credited.credited_on is null then {{ end_of_time() }}
            else greatest(disputes.closed_on, credited.credited_on)
        end as valid_to
    from disputes
    inner join bills
        on disputes.bill_id = bills.bill_id
    left join credited
        on disputes.dispute_id = credited.dispute_id

    union all

    select
        bill_id,
        customer_id,
        amount,
        amount as contested_amount,
        issued_on as valid_from,
        {{ end_of_time() }} as valid_to
    from bills
    where
        is_disputed
        and bill_id not in (select disputes.bill_id from disputes)

),

-- Disputes of one bill at one time contest what they come to together, at most the bill.
changes as (

    select
        bill_id,
        customer_id,
        amount,
        valid_from as changed_on,
        contested_amount as change
    from dated
    where valid_from < valid_to

    union all

    select
        bill_id,
        customer_id,
        amount,
        valid_to as changed_on,
        -contested_amount as change
    from dated
    where
        valid_from < valid_to
        and valid_to < {{ end_of_time() }}

),

days as (

    select
        bill_id,
        customer_id,
        amount,
        changed_on,
        sum(change) as change
    from changes
    group by
        bill_id,
        customer_id,
        amount,
        changed_on

),

running as (

    select
        bill_id,
        customer_id,
        amount,
        sum(change) over bill_days as contested_amount,
        changed_on as valid_from,
        lead(changed_on) over bill_days as valid_to
    from days
    window bill_days as (
        partition by bill_id
        order by changed_on
    )

),

spans as (

    select
        bill_id,
        customer_id,
        {{ money('least(contested_amount, amount)') }} as contested_amount,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from running
    where contested_amount > 0

)

select * from spans

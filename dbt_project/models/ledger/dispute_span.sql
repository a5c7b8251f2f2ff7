-- From when to when how much of each bill is disputed: by the extract `dispute`, or where that says nothing of the bill
-- by its flag. Decided for the customer, a dispute lasts until the credit note that follows: nobody is dunned for what
-- he need not pay.
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

-- What was credited of each bill, net of what was taken back of it, from one such day to the next.
credits as (

    select
        bill_id,
        moved_on,
        sum(amount) as amount
    from movements
    group by
        bill_id,
        moved_on

),

credit_totals as (

    select
        bill_id,
        amount,
        moved_on,
        sum(amount) over bill_days as credited_amount,
        coalesce(lead(moved_on) over bill_days, {{ end_of_time() }}) as valid_to
    from credits
    window bill_days as (
        partition by bill_id
        order by moved_on
    )

),

-- The customer is right in all when what he contests has been credited since: a credit note for another cause is not
-- enough.
decided as (

    select
        disputes.dispute_id,
        disputes.bill_id,
        disputes.outcome,
        greatest(disputes.opened_on, disputes.closed_on) as decided_on,
        least(
            coalesce(sum(case when credits.moved_on < disputes.opened_on then credits.amount end), 0)
            + least(coalesce(disputes.contested_amount, bills.amount), bills.amount),
            bills.amount
        ) as amount_to_credit
    from disputes
    inner join bills
        on disputes.bill_id = bills.bill_id
    left join credits
        on disputes.bill_id = credits.bill_id
    where
        disputes.closed_on is not null
        and {{ decided_for_customer('disputes.outcome') }}
    group by
        disputes.dispute_id,
        disputes.bill_id,
        disputes.outcome,
        disputes.opened_on,
        disputes.closed_on,
        disputes.contested_amount,
        bills.amount

),

-- In part nobody says how much is to be credited: the first credit note since the decision.
credited as (

    select
        decided.dispute_id,
        min(greatest(credit_totals.moved_on, decided.decided_on)) as credited_on
    from decided
    inner join credit_totals
        on
            decided.bill_id = credit_totals.bill_id
            and decided.decided_on < credit_totals.valid_to
    where
        (decided.outcome = 'for_customer' and credit_totals.credited_amount >= decided.amount_to_credit)
        or (
            decided.outcome = 'partly_for_customer'
            and credit_totals.amount > 0
            and credit_totals.moved_on >= decided.decided_on
        )
    group by decided.dispute_id

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
            else coalesce(credited.credited_on, {{ end_of_time() }})
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

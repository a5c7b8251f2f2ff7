-- Facts of money that somebody should check as of the last day, each with the file and line it came from. Balances
-- count them as docs/ledger.md says.
{{
    config(
        materialized='incremental',
        keys_of='finding_scope',
        indexes=[
            {'columns': ['finding', 'extract', 'fact_id', 'customer_id'], 'unique': true},
            {'columns': ['customer_id']},
        ],
    )
}}

{%- set scope = ref('finding_scope') %}
{%- set customers_in_scope = scope if is_incremental() else none %}
with

movements as (

    select * from {{ ref('movement') }}
    where moved_on <= {{ last_day() }} {{ only_of_accounts(customers_in_scope) }}

),

reversals as (

    select * from {{ ref('reversal') }}
    where true {{ only_of(customers_in_scope) }}

),

bills as (

    select * from {{ ref('stg_bill') }}
    where not is_deleted {{ only_of(customers_in_scope) }}

),

payments as (

    select * from {{ ref('stg_payment') }}
    where not is_deleted {{ only_of(customers_in_scope) }}

),

named_bills as (

    {{ root_bills() }}

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(customers_in_scope) }}
        and kind = 'write_off'

),

write_offs as (

    select * from {{ ref('write_off') }}
    where valid_from <= {{ last_day() }}

),

reversal_effects as (

    select * from {{ ref('reversal_effect') }}
    where
        extract = 'payment'
        and moved_on <= {{ last_day() }}

),

credit_steps as (

    select * from {{ ref('credit_step') }}
    where
        valid_from <= {{ last_day() }}
        {{ only_of(customers_in_scope) }}
        and valid_to > {{ last_day() }}

),

balances as (

    select * from {{ ref('bill_balance') }}
    where
        valid_from <= {{ last_day() }}
        {{ only_of(customers_in_scope) }}
        and valid_to > {{ last_day() }}

),

disputes as (

    select * from {{ ref('stg_dispute') }}
    where not is_deleted {{ only_of(customers_in_scope) }}

),

-- The disputed bill may be another's.
disputed_accounts as (

    select bills.customer_id
    from disputes
    inner join named_bills as bills
        on disputes.bill_id = bills.bill_id

),

credits as (

    select
        bill_id,
        moved_on,
        sum(amount) as amount
    from {{ ref('movement') }}
    where
        kind = 'credit'
        and bill_id is not null
        and moved_on <= {{ last_day() }}
        and account_id in (select customer_id from disputed_accounts)
    group by bill_id, moved_on

),

-- What was credited of a disputed bill before the dispute, since, and since its decision.
credited_of_disputes as (

    select
        disputes.dispute_id,
        sum(case when credits.moved_on < disputes.opened_on then credits.amount else 0 end) as credited_before,
        sum(credits.amount) as credited_amount,
        max(case when credits.amount > 0 and credits.moved_on >= disputes.opened_on then credits.moved_on end)
            as credited_on
    from disputes
    inner join credits
        on disputes.bill_id = credits.bill_id
    group by disputes.dispute_id

),

-- What is still to be credited of what the customer was right to contest; in part nobody says how much that is.
decided as (

    select
        disputes.dispute_id,
        disputes.bill_id,
        disputes.customer_id,
        coalesce(disputes.contested_amount, bills.amount) as contested_amount,
        case
            when disputes.outcome = 'for_customer'
                then
                    least(
                        coalesce(credited.credited_before, 0) + coalesce(disputes.contested_amount, bills.amount),
                        bills.amount
                    )
                    - coalesce(credited.credited_amount, 0)
            when credited.credited_on >= greatest(disputes.opened_on, disputes.closed_on) then 0
            else coalesce(disputes.contested_amount, bills.amount)
        end as missing_amount,
        disputes.outcome = 'for_customer' and credited.credited_on is not null as is_credited_in_part
    from disputes
    inner join named_bills as bills
        on disputes.bill_id = bills.bill_id
    left join credited_of_disputes as credited
        on disputes.dispute_id = credited.dispute_id
    where
        greatest(disputes.opened_on, disputes.closed_on, bills.issued_on) <= {{ last_day() }}
        and disputes.closed_on is not null
        and {{ decided_for_customer('disputes.outcome') }}
        and coalesce(disputes.contested_amount, 1) > 0

),

-- Whom nothing is open of, though something was written off and has not come in; and the first day of that.
lost_bills as (

    select
        balances.customer_id,
        write_offs.valid_from as written_off_on
    from balances
    inner join write_offs
        on balances.bill_id = write_offs.bill_id
    where
        write_offs.amount > 0
        and balances.written_off_amount > balances.recovered_amount

),

lost_accounts as (

    select
        customer_id,
        min(written_off_on) as written_off_on
    from lost_bills
    group by customer_id

),

credit_of_bills as (

    select
        customer_id,
        sum(excess_amount - allocated_amount) as credit
    from balances
    group by customer_id
    having sum(open_amount) = 0

),

lost_with_credit as (

    select
        lost_accounts.customer_id,
        lost_accounts.written_off_on,
        credit_of_bills.credit + coalesce(credit_steps.credit, 0) as credit_balance
    from lost_accounts
    inner join credit_of_bills
        on lost_accounts.customer_id = credit_of_bills.customer_id
    left join credit_steps
        on lost_accounts.customer_id = credit_steps.customer_id

),

went_back as (

    select
        root_id as payment_id,
        sum(effect) as amount
    from reversal_effects
    group by root_id

),

-- What such a customer paid since, for no bill.
unnamed_payments as (

    select
        payments.payment_id,
        payments.customer_id,
        lost.credit_balance,
        payments.amount - coalesce(went_back.amount, 0) as amount
    from lost_with_credit as lost
    inner join payments
        on
            lost.customer_id = payments.customer_id
            and lost.written_off_on < payments.paid_on
            and payments.bill_id is null
    left join went_back
        on payments.payment_id = went_back.payment_id
    where
        lost.credit_balance > 0
        and payments.paid_on <= {{ last_day() }}
        and {{ is_root_payment('payments') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted {{ only_of(customers_in_scope) }}

),

findings as (

    select
        'unexplained' as finding,
        extract,
        fact_id,
        account_id as customer_id,
        sum(unexplained_amount) as amount
    from movements
    group by
        extract,
        fact_id,
        account_id
    having sum(unexplained_amount) > 0

    union all

    select
        'paid_by_another' as finding,
        extract,
        fact_id,
        account_id as customer_id,
        sum(amount) as amount
    from movements
    where
        kind = 'payment'
        and account_id <> customer_id
    group by
        extract,
        fact_id,
        account_id

    union all

    select
        'kind_and_sign_disagree' as finding,
        'bill' as extract,
        bill_id as fact_id,
        customer_id,
        amount
    from bills
    where
        (kind = 'reversal' and amount > 0 and reverses_bill_id is null)
        or (kind <> 'reversal' and amount < 0)

    union all

    select
        case
            when reversals.parent_id = reversals.fact_id or reversals.kind = 'ring' then 'names_itself_or_a_ring'
            when reversals.kind = 'too_deep' then 'chain_too_deep'
            else 'names_what_it_cannot_reverse'
        end as finding,
        reversals.extract,
        reversals.fact_id,
        reversals.customer_id,
        reversals.amount
    from reversals
    where reversals.kind in ('ring', 'too_deep', 'bill', 'payment', 'standalone_credit', 'return_of_nothing')

    union all

    select
        'pays_a_bill_that_never_came' as finding,
        'payment' as extract,
        payments.payment_id as fact_id,
        payments.customer_id,
        payments.amount
    from payments
    left join named_bills
        on payments.bill_id = named_bills.bill_id
    where
        payments.bill_id is not null
        and payments.reverses_payment_id is null
        and named_bills.bill_id is null

    union all

    select
        'disputes_a_bill_that_never_came' as finding,
        'dispute' as extract,
        disputes.dispute_id as fact_id,
        disputes.customer_id,
        coalesce(disputes.contested_amount, 0) as amount
    from disputes
    left join named_bills
        on disputes.bill_id = named_bills.bill_id
    where named_bills.bill_id is null

    union all

    select
        case when is_credited_in_part then 'credited_less_than_decided' else 'no_credit_note_after_a_dispute' end
            as finding,
        'dispute' as extract,
        dispute_id as fact_id,
        customer_id,
        case when is_credited_in_part then missing_amount else contested_amount end as amount
    from decided
    where missing_amount > 0

    union all

    select
        'write_off_beyond_what_was_open' as finding,
        'collection_action' as extract,
        actions.action_id as fact_id,
        actions.customer_id,
        coalesce(actions.amount, 0) - coalesce(sum(write_offs.amount), 0) as amount
    from actions
    left join named_bills as bills
        on actions.bill_id = bills.bill_id
    left join write_offs
        on actions.action_id = write_offs.action_id
    where
        actions.acted_on <= {{ last_day() }}
        and (bills.bill_id is null or bills.issued_on <= {{ last_day() }})
    group by
        actions.action_id,
        actions.customer_id,
        actions.amount
    having
        coalesce(sum(write_offs.amount), 0) < coalesce(actions.amount, 0)
        or coalesce(sum(write_offs.amount), 0) = 0

    union all

    select
        'paid_for_no_bill_after_a_write_off' as finding,
        'payment' as extract,
        payment_id as fact_id,
        customer_id,
        least(amount, credit_balance) as amount
    from unnamed_payments
    where amount > 0

    union all

    select
        'outside_the_contract' as finding,
        min(movements.extract) as extract,
        min(movements.fact_id) as fact_id,
        movements.account_id as customer_id,
        sum(movements.amount) as amount
    from movements
    inner join customers
        on movements.account_id = customers.customer_id
    inner join bills
        on movements.bill_id = bills.bill_id
    where
        movements.kind = 'bill'
        and (
            movements.moved_on < customers.opened_on
            or (bills.kind = 'regular' and bills.period > customers.closed_on)
        )
    group by movements.account_id

),

sources as (

    select
        'bill' as extract,
        bill_id as fact_id,
        _file_id,
        _line_no
    from {{ ref('stg_bill') }}

    union all

    select
        'payment' as extract,
        payment_id as fact_id,
        _file_id,
        _line_no
    from {{ ref('stg_payment') }}

    union all

    select
        'collection_action' as extract,
        action_id as fact_id,
        _file_id,
        _line_no
    from {{ ref('stg_collection_action') }}

    union all

    select
        'dispute' as extract,
        dispute_id as fact_id,
        _file_id,
        _line_no
    from {{ ref('stg_dispute') }}

),

traced as (

    select
        findings.finding,
        findings.extract,
        findings.fact_id,
        findings.customer_id,
        {{ money('findings.amount') }} as amount,
        sources._file_id as file_id,
        sources._line_no as line_no
    from findings
    left join sources
        on
            findings.extract = sources.extract
            and findings.fact_id = sources.fact_id

)

select * from traced

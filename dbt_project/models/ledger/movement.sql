-- Every movement of a customer's account: what was billed, credited, collected, returned or refunded, on which day, of
-- which bill, by which delivered fact. A fact moves an account from the day on which all that it names is there too.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[
            {'columns': ['movement_id'], 'unique': true},
            {'columns': ['account_id']},
            {'columns': ['customer_id']},
            {'columns': ['moved_on']},
        ],
    )
}}

with

bills as (

    {{ root_bills(changed_customers()) }}

),

-- Of whatever customer: the bill that a payment names may be another's.
named_bills as (

    {{ root_bills() }}

),

credits as (

    select * from {{ ref('stg_bill') }}
    where
        not is_deleted
        and amount < 0
        {{ only_of(changed_customers()) }}
        and reverses_bill_id is null

),

reversals as (

    select * from {{ ref('reversal') }}

),

reversal_effects as (

    select * from {{ ref('reversal_effect') }}

),

payments as (

    {{ payments_of_changed_accounts('payments.amount <> 0') }}

),

bill_returns as (

    select * from {{ ref('bill_return') }}
    where true {{ only_of_accounts() }}

),

bill_movements as (

    select
        'bill' as extract,
        bill_id as fact_id,
        '' as part,
        customer_id,
        customer_id as account_id,
        bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'bill' as kind,
        issued_on as moved_on,
        amount,
        0 as unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from bills

),

credit_movements as (

    select
        'bill' as extract,
        bill_id as fact_id,
        '' as part,
        customer_id,
        customer_id as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'credit' as kind,
        issued_on as moved_on,
        -amount as amount,
        0 as unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from credits

    union all

    -- Credits that name what never came, or another credit.
    select
        extract,
        fact_id,
        '' as part,
        customer_id,
        customer_id as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'credit' as kind,
        dated_on as moved_on,
        -amount as amount,
        0 as unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from reversals
    where kind = 'standalone_credit'

    union all

    -- Credit notes, and what is taken back of credits.
    select
        reversal_effects.extract,
        reversal_effects.fact_id,
        cast(reversal_effects.moved_on as {{ dbt.type_string() }}) as part,
        reversals.customer_id,
        coalesce(reversals.root_customer_id, reversals.customer_id) as account_id,
        case when reversals.root_amount > 0 then reversals.root_id end as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'credit' as kind,
        reversal_effects.moved_on,
        case when reversals.root_amount > 0 then reversal_effects.effect else -reversal_effects.effect end as amount,
        reversal_effects.unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from reversal_effects
    inner join reversals
        on
            reversal_effects.extract = reversals.extract
            and reversal_effects.fact_id = reversals.fact_id
    where reversal_effects.extract = 'bill'

),

root_payments as (

    select
        payments.payment_id,
        payments.customer_id,
        payments.paid_on,
        payments.amount,
        named_bills.bill_id,
        named_bills.customer_id as bill_customer_id,
        named_bills.issued_on
    from payments
    left join named_bills
        on payments.bill_id = named_bills.bill_id
    where {{ is_root_payment('payments') }}

),

-- What came in by a payment, and what of it went back.
payment_movements as (

    select
        payment_id as fact_id,
        payment_id as part,
        customer_id,
        payment_id,
        'payment' as kind,
        paid_on as moved_on,
        amount,
        0 as unexplained_amount
    from root_payments

    union all

    select
        reversal_effects.fact_id,
        cast(reversal_effects.moved_on as {{ dbt.type_string() }}) as part,
        reversal_effects.customer_id,
        reversal_effects.root_id as payment_id,
        'return' as kind,
        reversal_effects.moved_on,
        reversal_effects.effect as amount,
        reversal_effects.unexplained_amount
    from reversal_effects
    inner join root_payments
        on reversal_effects.root_id = root_payments.payment_id
    where reversal_effects.extract = 'payment'

),

-- Before the bill that it names is issued, a payment is its payer's credit; from that day on it is the bill's.
placed_movements as (

    select
        moves.fact_id,
        moves.part,
        moves.customer_id,
        case when moves.moved_on >= payments.issued_on then payments.bill_customer_id else payments.customer_id end
            as account_id,
        case when moves.moved_on >= payments.issued_on then payments.bill_id end as bill_id,
        moves.payment_id,
        moves.kind,
        moves.moved_on,
        moves.amount,
        moves.unexplained_amount,
        greatest(payments.paid_on, payments.issued_on) as counts_from,
        payments.paid_on,
        coalesce(moves.moved_on < payments.issued_on and payments.bill_customer_id <> payments.customer_id, false)
            as is_passing
    from payment_movements as moves
    inner join root_payments as payments
        on moves.payment_id = payments.payment_id

    union all

    select
        moves.fact_id,
        moves.part || ' leaves' as part,
        moves.customer_id,
        payments.customer_id as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        moves.payment_id,
        moves.kind,
        payments.issued_on as moved_on,
        -moves.amount as amount,
        -moves.unexplained_amount as unexplained_amount,
        greatest(payments.paid_on, payments.issued_on) as counts_from,
        payments.paid_on,
        false as is_passing
    from payment_movements as moves
    inner join root_payments as payments
        on moves.payment_id = payments.payment_id
    where moves.moved_on < payments.issued_on

    union all

    select
        moves.fact_id,
        moves.part || ' arrives' as part,
        moves.customer_id,
        payments.bill_customer_id as account_id,
        payments.bill_id,
        moves.payment_id,
        moves.kind,
        payments.issued_on as moved_on,
        moves.amount,
        moves.unexplained_amount,
        greatest(payments.paid_on, payments.issued_on) as counts_from,
        payments.paid_on,
        false as is_passing
    from payment_movements as moves
    inner join root_payments as payments
        on moves.payment_id = payments.payment_id
    where moves.moved_on < payments.issued_on

),

returned_movements as (

    select
        bill_returns.fact_id,
        bill_returns.payment_id || ' '
        || cast(bill_returns.moved_on as {{ dbt.type_string() }}) || ' ' || bill_returns.account_id as part,
        returns.customer_id,
        bill_returns.account_id,
        named_bills.bill_id,
        payments.payment_id,
        'return' as kind,
        bill_returns.moved_on,
        bill_returns.effect as amount,
        bill_returns.unexplained_amount,
        greatest(payments.paid_on, named_bills.issued_on) as counts_from,
        payments.paid_on,
        false as is_passing
    from bill_returns
    inner join {{ ref('stg_payment') }} as returns
        on bill_returns.fact_id = returns.payment_id
    left join {{ ref('stg_payment') }} as payments
        on bill_returns.payment_id = payments.payment_id
    left join named_bills
        on bill_returns.bill_id = named_bills.bill_id

),

refund_movements as (

    select
        payment_id as fact_id,
        '' as part,
        customer_id,
        customer_id as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'refund' as kind,
        paid_on as moved_on,
        -amount as amount,
        0 as unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from payments
    where
        amount < 0
        and reverses_payment_id is null
        and bill_id is null

    union all

    select
        reversal_effects.fact_id,
        cast(reversal_effects.moved_on as {{ dbt.type_string() }}) as part,
        reversal_effects.customer_id,
        refunds.customer_id as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'refund' as kind,
        reversal_effects.moved_on,
        -reversal_effects.effect as amount,
        reversal_effects.unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from reversal_effects
    inner join payments as refunds
        on
            reversal_effects.root_id = refunds.payment_id
            and refunds.amount < 0
            and refunds.reverses_payment_id is null
            and refunds.bill_id is null
    where reversal_effects.extract = 'payment'

),

-- What has no effect at all: chains in a ring, returns of what never came, and what is given back of returns beyond
-- their amount.
unexplained_movements as (

    select
        reversal_effects.extract,
        reversal_effects.fact_id,
        cast(reversal_effects.moved_on as {{ dbt.type_string() }}) as part,
        reversals.customer_id,
        coalesce(named_bills.customer_id, reversals.root_customer_id, reversals.customer_id) as account_id,
        cast(null as {{ dbt.type_string() }}) as bill_id,
        cast(null as {{ dbt.type_string() }}) as payment_id,
        'unexplained' as kind,
        greatest(reversal_effects.moved_on, named_bills.issued_on) as moved_on,
        0 as amount,
        reversal_effects.unexplained_amount,
        cast(null as date) as counts_from,
        cast(null as date) as paid_on,
        false as is_passing
    from reversal_effects
    inner join reversals
        on
            reversal_effects.extract = reversals.extract
            and reversal_effects.fact_id = reversals.fact_id
    left join {{ ref('stg_payment') }} as roots
        on reversals.root_id = roots.payment_id
    left join named_bills
        on
            roots.bill_id = named_bills.bill_id
            and roots.reverses_payment_id is null
    where
        reversal_effects.extract = 'payment'
        and reversal_effects.unexplained_amount <> 0
        and (
            reversals.root_id is null
            or roots.reverses_payment_id is not null and roots.amount < 0
            or roots.amount < 0 and roots.bill_id is not null
        )

),

movements as (

    select * from bill_movements

    union all

    select * from credit_movements

    union all

    select
        'payment' as extract,
        placed_movements.*
    from placed_movements

    union all

    select
        'payment' as extract,
        returned_movements.*
    from returned_movements

    union all

    select
        'payment' as extract,
        refund_movements.*
    from refund_movements

    union all

    select * from unexplained_movements

),

typed as (

    select
        extract || ' ' || fact_id || ' ' || part as movement_id,
        extract,
        fact_id,
        customer_id,
        account_id,
        bill_id,
        payment_id,
        kind,
        moved_on,
        {{ money('amount') }} as amount,
        {{ money('unexplained_amount') }} as unexplained_amount,
        counts_from,
        paid_on,
        is_passing
    from movements
    where (amount <> 0 or unexplained_amount <> 0) {{ only_of_accounts() }}

)

select * from typed
{%- if not is_incremental() %}
-- An account's rows lie together, for those who ask for one account's.
order by account_id
{%- endif %}

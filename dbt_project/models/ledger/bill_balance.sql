-- What of each bill is credited, paid, written off, recovered, open and disputed, from one change of its account to the
-- next.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[
            {'columns': ['bill_id', 'valid_from'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['valid_from']},
        ],
    )
}}

with

allocations as (

    select * from {{ ref('allocation') }}
    where true {{ only_of(changed_customers()) }}

),

steps as (

    select * from {{ ref('bill_step') }}
    where true {{ only_of(changed_customers()) }}

),

-- Without credit or a write-off no bill is paid more than it stands at, and nothing is to be allocated.
positions as (

    select * from allocations

    union all

    select
        steps.bill_id,
        steps.customer_id,
        steps.amount,
        steps.period,
        steps.issued_on,
        steps.due_on,
        steps.credited_amount,
        steps.contested_amount,
        steps.named_paid,
        steps.named_in_time,
        steps.named_paid as paid_amount,
        cast(0 as numeric(18, 2)) as allocated_amount,
        cast(0 as numeric(18, 2)) as written_off_amount,
        cast(0 as numeric(18, 2)) as recovered_amount,
        {{ money('steps.amount - steps.credited_amount - steps.named_paid') }} as open_amount,
        cast(0 as numeric(18, 2)) as excess_amount,
        steps.valid_from,
        steps.valid_to
    from steps
    where steps.customer_id not in (select customer_id from allocations)

),

-- A bill that was fully paid when it was cancelled counts for behaviour as it stood then; one that was cancelled unpaid
-- does not.
spells as (

    select
        *,
        count(case when credited_amount < amount then 1 end) over bill_days as spell
    from positions
    window bill_days as (
        partition by bill_id
        order by valid_from
        rows between unbounded preceding and current row
    )

),

judged as (

    select
        *,
        max(
            case
                when
                    credited_amount < amount
                    and open_amount = 0
                    and written_off_amount = recovered_amount
                    then 1
                else 0
            end
        ) over (partition by bill_id, spell) = 1 as is_fully_paid,
        max(amount - credited_amount) over (partition by bill_id, spell) as amount_of_spell,
        max(case when valid_from <= due_on and valid_to > due_on then allocated_amount end) over (partition by bill_id)
            as allocated_in_time
    from spells

),

timed as (

    select
        *,
        least(
            paid_amount,
            named_in_time
            + least(
                allocated_amount,
                case when valid_from > due_on then coalesce(allocated_in_time, 0) else allocated_amount end
            )
        ) as paid_in_time_now
    from judged

),

balances as (

    select
        bill_id,
        customer_id,
        amount,
        period,
        issued_on,
        {{ month_bit('issued_on') }} as issued_month_bit,
        due_on,
        credited_amount,
        contested_amount,
        paid_amount,
        allocated_amount,
        written_off_amount,
        recovered_amount,
        open_amount,
        {{ money('least(open_amount, contested_amount)') }} as disputed_amount,
        excess_amount,
        named_paid,
        {{ money(
            'case
                when is_fully_paid then max(paid_in_time_now) over (partition by bill_id, spell)
                else paid_in_time_now
            end'
        ) }}
            as paid_in_time,
        {{ money('case when is_fully_paid then amount_of_spell else amount - credited_amount end') }} as judged_amount,
        case
            when is_fully_paid
                then coalesce(
                    max(case when not is_fully_paid then valid_to end) over (
                        partition by bill_id
                        order by valid_from
                        rows between unbounded preceding and current row
                    ),
                    first_value(valid_from) over (
                        partition by bill_id
                        order by valid_from
                        rows between unbounded preceding and current row
                    )
                )
        end as settled_on,
        valid_from,
        valid_to
    from timed

)

-- Each reader asks for the bills of one customer at a time: stored side by side, they are found sooner.
select * from balances
order by customer_id

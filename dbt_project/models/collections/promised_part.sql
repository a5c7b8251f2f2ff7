-- What customers promised to pay by a day - a promise, a plan, or each instalment of one - and the money that kept it: money on the
-- promised debt, from the day of the promise to the day named, that did not go back. Each payment is used once: what was promised
-- first is served first.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with recursive

actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('promise', 'instalment_plan', 'plan_broken', 'plan_completed')

),

instalments as (

    select * from {{ ref('stg_instalment') }}
    where
        not is_deleted
        and amount > 0

),

balances as (

    select * from {{ ref('bill_balance') }}

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

scheduled as (

    select
        actions.action_id,
        actions.customer_id,
        actions.bill_id,
        actions.acted_on,
        instalments.due_on,
        instalments.amount,
        true as is_instalment
    from actions
    inner join instalments
        on
            actions.action_id = instalments.action_id
            and actions.acted_on <= instalments.due_on
    where actions.kind = 'instalment_plan'

),

parts as (

    select * from scheduled

    union all

    select
        action_id,
        customer_id,
        bill_id,
        acted_on,
        promise_date as due_on,
        amount,
        false as is_instalment
    from actions
    where
        kind in ('promise', 'instalment_plan')
        and promise_date is not null
        and coalesce(amount, 1) > 0
        and action_id not in (select action_id from scheduled)

),

-- One without an amount is of all that was open then: of the bill that it names, or of all bills.
open_then as (

    select
        parts.action_id,
        sum(balances.open_amount) as open_amount
    from parts
    inner join balances
        on
            parts.customer_id = balances.customer_id
            and parts.acted_on >= balances.valid_from
            and parts.acted_on < balances.valid_to
            and balances.bill_id = coalesce(parts.bill_id, balances.bill_id)
    where parts.amount is null
    group by parts.action_id

),

-- What a plan asks for after people said how it ended takes no money.
endings as (

    select
        parts.action_id,
        min(endings.acted_on) as ended_on
    from parts
    inner join actions as endings
        on
            parts.customer_id = endings.customer_id
            and parts.acted_on <= endings.acted_on
            and (endings.bill_id is null or endings.bill_id = parts.bill_id)
            and endings.kind in ('plan_broken', 'plan_completed')
    inner join actions as plans
        on
            parts.action_id = plans.action_id
            and plans.kind = 'instalment_plan'
    group by parts.action_id

),

-- Unallocated credit that came to pay a promised bill in the promise's time.
credit_before as (

    select
        parts.action_id,
        parts.due_on,
        balances.allocated_amount
    from parts
    inner join balances
        on
            parts.bill_id = balances.bill_id
            and parts.acted_on > balances.valid_from
            and parts.acted_on <= balances.valid_to

),

credit_after as (

    select
        parts.action_id,
        parts.due_on,
        balances.allocated_amount
    from parts
    inner join balances
        on
            parts.bill_id = balances.bill_id
            and parts.due_on >= balances.valid_from
            and parts.due_on < balances.valid_to

),

demands as (

    select
        parts.customer_id,
        parts.action_id,
        parts.bill_id,
        parts.acted_on,
        parts.due_on,
        parts.is_instalment,
        cast(coalesce(parts.amount, open_then.open_amount, 0) as numeric(18, 2)) as amount,
        coalesce(parts.due_on >= endings.ended_on, false) as is_void,
        case
            when parts.bill_id is not null
                then greatest(coalesce(credit_after.allocated_amount, 0) - coalesce(credit_before.allocated_amount, 0), 0)
        end as unnamed_limit,
        row_number() over (
            partition by parts.customer_id
            order by parts.acted_on, parts.action_id, parts.due_on
        ) as place
    from parts
    left join open_then
        on parts.action_id = open_then.action_id
    left join endings
        on parts.action_id = endings.action_id
    left join credit_before
        on
            parts.action_id = credit_before.action_id
            and parts.due_on = credit_before.due_on
    left join credit_after
        on
            parts.action_id = credit_after.action_id
            and parts.due_on = credit_after.due_on

),

issued as (

    select
        bill_id,
        min(issued_on) as issued_on
    from balances
    group by bill_id

),

-- What payments of a day for a bill, or for none, brought, less what of it went back.
money as (

    select
        movements.account_id as customer_id,
        movements.bill_id,
        movements.paid_on,
        cast(greatest({{ net_received() }}, 0) as numeric(18, 2)) as amount
    from movements
    where movements.account_id in (select demands.customer_id from demands)
    group by movements.account_id, movements.bill_id, movements.paid_on

),

-- On the promised debt: the bill that is named, or what was billed by the day of the promise; unnamed money in both cases.
eligible as (

    select
        demands.customer_id,
        demands.place,
        money.bill_id,
        money.paid_on
    from demands
    inner join money
        on
            demands.customer_id = money.customer_id
            and demands.acted_on <= money.paid_on
            and demands.due_on >= money.paid_on
    left join issued
        on money.bill_id = issued.bill_id
    where
        money.bill_id is null
        or money.bill_id = demands.bill_id
        or (demands.bill_id is null and issued.issued_on <= demands.acted_on)

),

-- One promise after the other takes of the money that is left. After an instalment that was missed its plan takes nothing.
taken as (

    select
        money.customer_id,
        money.bill_id,
        money.paid_on,
        cast(0 as bigint) as place,
        money.amount as left_amount,
        cast(0 as numeric(18, 2)) as taken_amount,
        cast('' as {{ dbt.type_string() }}) as action_id,
        false as has_failed
    from money

    union all

    select
        served.customer_id,
        served.bill_id,
        served.paid_on,
        served.place,
        cast(served.left_amount - served.taken_amount as numeric(18, 2)) as left_amount,
        served.taken_amount,
        served.action_id,
        served.is_off or sum(served.taken_amount) over (partition by served.customer_id) < served.amount as has_failed
    from (
        select
            asked.*,
            cast(
                case
                    when asked.is_off or not asked.is_eligible then 0
                    else
                        greatest(
                            least(
                                asked.left_amount,
                                asked.amount - asked.left_before,
                                case
                                    when asked.bill_id is null and asked.unnamed_limit is not null
                                        then asked.unnamed_limit - asked.unnamed_before
                                    else asked.left_amount
                                end
                            ),
                            0
                        )
                end as numeric(18, 2)
            ) as taken_amount
        from (
            select
                waiting.*,
                sum(waiting.eligible_amount) over (
                    partition by waiting.customer_id
                    order by case when waiting.bill_id is null then 1 else 0 end, waiting.paid_on, waiting.bill_id
                    rows between unbounded preceding and current row
                ) - waiting.eligible_amount as left_before,
                sum(case when waiting.bill_id is null then waiting.eligible_amount else 0 end) over (
                    partition by waiting.customer_id
                    order by waiting.paid_on, waiting.bill_id
                    rows between unbounded preceding and current row
                ) - case when waiting.bill_id is null then waiting.eligible_amount else 0 end as unnamed_before
            from (
                select
                    taken.customer_id,
                    taken.bill_id,
                    taken.paid_on,
                    taken.left_amount,
                    demands.place,
                    demands.action_id,
                    demands.amount,
                    demands.unnamed_limit,
                    demands.is_void or (demands.action_id = taken.action_id and taken.has_failed) as is_off,
                    eligible.place is not null as is_eligible,
                    case when eligible.place is not null then taken.left_amount else 0 end as eligible_amount
                from taken
                inner join demands
                    on
                        taken.customer_id = demands.customer_id
                        and taken.place + 1 = demands.place
                left join eligible
                    on
                        demands.customer_id = eligible.customer_id
                        and demands.place = eligible.place
                        and taken.paid_on = eligible.paid_on
                        and coalesce(taken.bill_id, '') = coalesce(eligible.bill_id, '')
            ) as waiting
        ) as asked
    ) as served

),

sums as (

    select
        customer_id,
        place,
        sum(taken_amount) as paid_amount
    from taken
    where place > 0
    group by customer_id, place

),

-- What had come in by the day, also what went back after it: until then nobody knew.
by_the_day as (

    select
        eligible.customer_id,
        eligible.place,
        sum(
            case
                when movements.moved_on > demands.due_on and movements.kind = 'return' then 0
                when movements.kind = 'payment' then movements.amount
                else -movements.amount
            end
        ) as paid_by_then,
        max(case when movements.moved_on > demands.due_on and movements.kind = 'return' then movements.moved_on end)
            as went_back_on
    from eligible
    inner join demands
        on
            eligible.customer_id = demands.customer_id
            and eligible.place = demands.place
    inner join movements
        on
            eligible.customer_id = movements.account_id
            and eligible.paid_on = movements.paid_on
            and coalesce(eligible.bill_id, '') = coalesce(movements.bill_id, '')
    group by eligible.customer_id, eligible.place

),

judged as (

    select
        demands.action_id,
        demands.due_on,
        demands.customer_id,
        demands.bill_id,
        demands.is_instalment,
        {{ money('demands.amount') }} as amount,
        {{ money('coalesce(sums.paid_amount, 0)') }} as paid_amount,
        coalesce(sums.paid_amount, 0) >= demands.amount as is_paid,
        case
            when coalesce(sums.paid_amount, 0) < demands.amount
                then
                    greatest(
                        cast({{ dbt.dateadd('day', 1, 'demands.due_on') }} as date),
                        case when by_the_day.paid_by_then >= demands.amount then by_the_day.went_back_on end
                    )
        end as broken_on
    from demands
    left join sums
        on
            demands.customer_id = sums.customer_id
            and demands.place = sums.place
    left join by_the_day
        on
            demands.customer_id = by_the_day.customer_id
            and demands.place = by_the_day.place

)

select * from judged

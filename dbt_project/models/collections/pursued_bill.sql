-- How far the pursuit of each overdue, undisputed bill has come, what holds it, and the step that its age and the law
-- allow next.
{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

debtors as (

    select * from {{ ref('debtor') }}

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where open_amount > disputed_amount

),

bills as (

    select * from {{ ref('stg_bill') }}

),

balances as (

    select * from {{ ref('bill_balance') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

cut_offs as (

    select distinct customer_id from {{ ref('cut_off') }}
    where is_cut_off

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

),

promises as (

    select * from {{ ref('promise') }}

),

instalments as (

    select * from {{ ref('instalment') }}

),

payments as (

    select * from {{ ref('movement') }}
    where kind = 'payment'

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

steps as (

    select
        *,
        coalesce(lapse_days, {{ usual_lapse_days('step') }}) as lapses_after,
        min(case when step = 'cut_off' then step_rank end) over (partition by policy_version, strategy) as cut_off_rank
    from {{ source('policy', 'dunning_steps') }}

),

pursued as (

    select
        scope.as_of_date,
        debtors.customer_id,
        debtors.policy_version,
        debtors.strategy,
        debtors.is_home,
        debtors.pursued_from,
        policies.steps_on_working_days,
        customers.closed_on,
        cut_offs.customer_id is not null as is_cut_off,
        late_bills.bill_id,
        late_bills.open_amount - late_bills.disputed_amount as open_amount,
        bills.issued_on,
        late_bills.due_on
    from scope
    inner join debtors
        on scope.customer_id = debtors.customer_id
    inner join late_bills
        on scope.customer_id = late_bills.customer_id
    inner join bills
        on late_bills.bill_id = bills.bill_id
    inner join policies
        on debtors.policy_version = policies.policy_version
    left join customers
        on scope.customer_id = customers.customer_id
    left join cut_offs
        on scope.customer_id = cut_offs.customer_id

),

-- A plan with instalments holds to the next one's day.
next_instalments as (

    select
        instalments.action_id,
        min(instalments.due_on) as due_on
    from scope
    inner join instalments
        on
            scope.customer_id = instalments.account_id
            and scope.as_of_date <= instalments.due_on
    group by instalments.action_id

),

-- What has been paid in full holds nothing from the day on which its last money came.
last_payments as (

    select
        promises.action_id,
        max(payments.paid_on) as paid_on
    from scope
    inner join promises
        on scope.customer_id = promises.account_id
    inner join actions
        on promises.action_id = actions.action_id
    inner join payments
        on
            promises.account_id = payments.account_id
            and promises.acted_on <= payments.paid_on
            and promises.promise_date >= payments.paid_on
            and scope.as_of_date >= payments.paid_on
            and (actions.bill_id is null or payments.bill_id is null or actions.bill_id = payments.bill_id)
    where promises.paid_amount >= promises.amount
    group by promises.action_id

),

promise_holds as (

    select
        promises.account_id,
        promises.acted_on,
        actions.bill_id,
        least(
            promises.stands_until,
            next_instalments.due_on,
            cast({{ dbt.dateadd('day', -1, 'last_payments.paid_on') }} as date)
        ) as holds_until
    from promises
    inner join actions
        on promises.action_id = actions.action_id
    left join next_instalments
        on promises.action_id = next_instalments.action_id
    left join last_payments
        on promises.action_id = last_payments.action_id
    where promises.paid_amount < promises.amount or last_payments.paid_on is not null

),

-- A promise holds the bill that it names, or those that had been issued when it was given.
promised as (

    select
        pursued.bill_id,
        cast({{ dbt.dateadd('day', 1, 'max(promise_holds.holds_until)') }} as date) as by_promise_on
    from pursued
    inner join promise_holds
        on
            pursued.customer_id = promise_holds.account_id
            and pursued.as_of_date >= promise_holds.acted_on
            and (
                pursued.bill_id = promise_holds.bill_id
                or (promise_holds.bill_id is null and pursued.issued_on <= promise_holds.acted_on)
            )
    group by pursued.bill_id

),

-- A bill that was paid or disputed for a time, but for what is too small, is pursued from its beginning when it is owed
-- again.
last_idle as (

    select
        pursued.bill_id,
        max(balances.valid_to) as owed_since
    from pursued
    inner join balances
        on
            pursued.bill_id = balances.bill_id
            and pursued.as_of_date >= balances.valid_to
            and least(pursued.pursued_from, pursued.open_amount) > balances.open_amount - balances.disputed_amount
    group by pursued.bill_id

),

-- What a promise holds is judged as of the day after it: no step may rest on one that has lapsed by then.
judged as (

    select
        pursued.*,
        last_idle.owed_since,
        promised.by_promise_on,
        greatest(pursued.as_of_date, promised.by_promise_on) as judged_on
    from pursued
    left join promised
        on pursued.bill_id = promised.bill_id
    left join last_idle
        on pursued.bill_id = last_idle.bill_id

),

-- What was done about each bill: it was issued, overdue and open then, and the action named it or none. A step is for
-- what was open and undisputed when it was taken; an agency has all of the bill.
done as (

    select
        judged.bill_id,
        actions.kind,
        actions.acted_on,
        steps.step_rank,
        cast({{ dbt.dateadd('day', 'steps.lapses_after', 'actions.acted_on') }} as date) as lapses_on,
        coalesce(
            cast({{ dbt.dateadd('day', 'steps.lapses_after', 'actions.acted_on') }} as date) < judged.judged_on,
            false
        ) as has_lapsed
    from judged
    inner join actions
        on
            judged.customer_id = actions.customer_id
            and judged.due_on < actions.acted_on
            and judged.issued_on <= actions.acted_on
            and judged.as_of_date >= actions.acted_on
            and (actions.bill_id is null or actions.bill_id = judged.bill_id)
    inner join balances
        on
            judged.bill_id = balances.bill_id
            and actions.acted_on >= balances.valid_from
            and actions.acted_on < balances.valid_to
    left join steps
        on
            judged.policy_version = steps.policy_version
            and judged.strategy = steps.strategy
            and actions.kind = steps.step
    where
        (judged.owed_since is null or judged.owed_since <= actions.acted_on)
        and (
            actions.kind in ('agency_referral', 'agency_return')
            or judged.open_amount - (balances.open_amount - balances.disputed_amount) < judged.pursued_from
        )

),

-- The furthest step that still counts, and the furthest that has lapsed, beside each action.
ranked as (

    select
        *,
        max(case when not has_lapsed then step_rank end) over (partition by bill_id) as last_rank,
        max(case when has_lapsed then step_rank end) over (partition by bill_id) as lapsed_rank
    from done

),

-- The first day that counts: what is repeated does not put off the next step.
reached as (

    select
        bill_id,
        last_rank,
        lapsed_rank,
        max(step_rank) as furthest_rank,
        min(case when kind = 'cut_off_approval' then acted_on end) as approved_on,
        max(case when kind = 'agency_referral' then acted_on end) as referred_on,
        max(case when kind = 'agency_return' then acted_on end) as returned_on,
        min(case when step_rank = last_rank and not has_lapsed then acted_on end) as last_step_on,
        max(case when step_rank = last_rank and not has_lapsed then lapses_on end) as last_lapses_on,
        max(case when step_rank = lapsed_rank and has_lapsed then acted_on end) as lapsed_step_on
    from ranked
    group by bill_id, last_rank, lapsed_rank

),

standing as (

    select
        judged.*,
        reached.last_rank,
        reached.lapsed_rank,
        reached.furthest_rank,
        reached.approved_on,
        reached.last_step_on,
        reached.last_lapses_on,
        reached.lapsed_step_on,
        coalesce(judged.is_cut_off or judged.closed_on <= judged.judged_on, judged.is_cut_off) as is_closed,
        coalesce(reached.referred_on > coalesce(reached.returned_on, cast('0001-01-01' as date)), false)
            as is_with_agency,
        -- On no day before could a step be taken: not issued, not owed, promised, or with an agency.
        greatest(
            judged.issued_on,
            judged.owed_since,
            judged.by_promise_on,
            case when reached.referred_on is not null then reached.returned_on end
        ) as pursued_since
    from judged
    left join reached
        on judged.bill_id = reached.bill_id

),

-- When age and notice allow each step, after the last that counts.
candidates as (

    select
        standing.bill_id,
        standing.judged_on,
        standing.closed_on,
        standing.is_cut_off,
        standing.is_closed,
        standing.last_lapses_on,
        standing.steps_on_working_days,
        coalesce(standing.last_rank, 0) as last_rank,
        steps.step,
        steps.step_rank,
        steps.effort,
        steps.min_days_overdue <= {{ days_after('standing.due_on', 'standing.judged_on') }}
        -- A cut-off, and what comes after it, begins no pursuit: the law asks for a notice before.
        and (standing.is_closed or steps.cut_off_rank is null or steps.step_rank < steps.cut_off_rank)
            as is_asked_by_age,
        greatest(
            cast({{ dbt.dateadd('day', 'steps.min_days_overdue', 'standing.due_on') }} as date),
            standing.pursued_since,
            case
                when steps.step_rank > coalesce(standing.last_rank, 0)
                    then
                        cast(
                            {{ dbt.dateadd(
                                'day',
                                'case when standing.is_home then steps.wait_days_home else steps.wait_days_other end',
                                'standing.last_step_on'
                            ) }} as date
                        )
                else cast({{ dbt.dateadd('day', 1, 'standing.last_lapses_on') }} as date)
            end
        ) as allowed_from
    from standing
    inner join steps
        on
            standing.policy_version = steps.policy_version
            and standing.strategy = steps.strategy

),

coming as (

    select
        *,
        greatest(allowed_from, judged_on) as comes_on
    from candidates

),

dated as (

    select
        *,
        case when steps_on_working_days then {{ working_day_from('comes_on') }} else comes_on end as taken_on
    from coming

),

-- No supply is cut off, nor is a cut-off announced, where the contract has ended by then, or nothing is supplied.
open_steps as (

    select * from dated
    where
        step not in ('final_notice', 'cut_off')
        or not coalesce(is_cut_off or closed_on <= taken_on, is_cut_off)

),

-- A pursuit begins, or goes on, at the step that the debt's age asks for.
begun as (

    select
        bill_id,
        max(case when is_asked_by_age then step_rank end) as rank_by_age
    from open_steps
    group by bill_id

),

following as (

    select
        open_steps.*,
        row_number() over (
            partition by open_steps.bill_id
            order by open_steps.step_rank
        ) as place
    from open_steps
    inner join begun
        on open_steps.bill_id = begun.bill_id
    where open_steps.step_rank >= greatest(open_steps.last_rank + 1, coalesce(begun.rank_by_age, 1))

),

-- Where the last step will have lapsed by the day of the next one, it is to be taken again.
next_steps as (

    select
        following.bill_id,
        coalesce(repeated.step_rank, following.step_rank) as step_rank,
        coalesce(repeated.step, following.step) as step,
        coalesce(repeated.effort, following.effort) as effort,
        coalesce(repeated.allowed_from, following.allowed_from) as allowed_from
    from following
    left join open_steps as repeated
        on
            following.bill_id = repeated.bill_id
            and following.last_rank = repeated.step_rank
            and following.last_lapses_on < following.taken_on
    where following.place = 1

),

staged as (

    select
        standing.bill_id,
        standing.customer_id,
        standing.open_amount,
        standing.due_on,
        standing.is_closed,
        standing.last_rank,
        standing.furthest_rank,
        last_steps.step as last_step,
        standing.last_step_on,
        case when standing.lapsed_rank > coalesce(standing.last_rank, 0) then lapsed_steps.step end as lapsed_step,
        case when standing.lapsed_rank > coalesce(standing.last_rank, 0) then standing.lapsed_step_on end
            as lapsed_step_on,
        standing.approved_on,
        next_steps.step_rank as next_rank,
        next_steps.step as next_step,
        next_steps.effort,
        next_steps.allowed_from,
        case when standing.is_with_agency then cast('9999-12-31' as date) else standing.judged_on end as free_from
    from standing
    left join next_steps
        on standing.bill_id = next_steps.bill_id
    left join steps as last_steps
        on
            standing.policy_version = last_steps.policy_version
            and standing.strategy = last_steps.strategy
            and standing.last_rank = last_steps.step_rank
    left join steps as lapsed_steps
        on
            standing.policy_version = lapsed_steps.policy_version
            and standing.strategy = lapsed_steps.strategy
            and standing.lapsed_rank = lapsed_steps.step_rank

)

select * from staged

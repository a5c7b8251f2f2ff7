-- How far the pursuit of each overdue, undisputed bill has come, and the step that its age and the law allow next.
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

balances as (

    select * from {{ ref('bill_balance') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

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
        coalesce(customers.closed_on <= scope.as_of_date, false) as is_closed,
        late_bills.bill_id,
        late_bills.open_amount - late_bills.disputed_amount as open_amount,
        late_bills.due_on
    from scope
    inner join debtors
        on scope.customer_id = debtors.customer_id
    inner join late_bills
        on scope.customer_id = late_bills.customer_id
    left join customers
        on scope.customer_id = customers.customer_id

),

-- A bill that was paid for a time, or disputed as far as it was open, is pursued from its beginning when it is owed
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
            and balances.open_amount = balances.disputed_amount
    group by pursued.bill_id

),

-- What was done about each bill: it was overdue and open then, and the action named it or none.
done as (

    select
        pursued.bill_id,
        actions.kind,
        actions.acted_on,
        steps.step_rank,
        coalesce(
            cast({{ dbt.dateadd('day', 'steps.lapses_after', 'actions.acted_on') }} as date) < pursued.as_of_date,
            false
        ) as has_lapsed
    from pursued
    inner join actions
        on
            pursued.customer_id = actions.customer_id
            and pursued.due_on < actions.acted_on
            and pursued.as_of_date >= actions.acted_on
            and (actions.bill_id is null or actions.bill_id = pursued.bill_id)
    left join last_idle
        on pursued.bill_id = last_idle.bill_id
    left join steps
        on
            pursued.policy_version = steps.policy_version
            and pursued.strategy = steps.strategy
            and actions.kind = steps.step
    where last_idle.owed_since is null or last_idle.owed_since <= actions.acted_on

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
        max(case when kind = 'cut_off_approval' then acted_on end) as approved_on,
        min(case when step_rank = last_rank and not has_lapsed then acted_on end) as last_step_on,
        max(case when step_rank = lapsed_rank and has_lapsed then acted_on end) as lapsed_step_on
    from ranked
    group by bill_id, last_rank, lapsed_rank

),

-- No supply is cut off, nor is a cut-off announced, where the contract has ended.
open_steps as (

    select
        pursued.bill_id,
        steps.step_rank,
        steps.cut_off_rank,
        coalesce(reached.last_rank, 0) as last_rank,
        steps.min_days_overdue <= {{ days_after('pursued.due_on', 'pursued.as_of_date') }}
        -- A cut-off, and what comes after it, begins no pursuit: the law asks for a notice before.
        and (pursued.is_closed or steps.cut_off_rank is null or steps.step_rank < steps.cut_off_rank) as is_asked_by_age
    from pursued
    inner join steps
        on
            pursued.policy_version = steps.policy_version
            and pursued.strategy = steps.strategy
            and not (pursued.is_closed and steps.step in ('final_notice', 'cut_off'))
    left join reached
        on pursued.bill_id = reached.bill_id

),

-- A pursuit begins, or goes on, at the step that the debt's age asks for.
begun as (

    select
        bill_id,
        last_rank,
        max(case when is_asked_by_age then step_rank end) as rank_by_age
    from open_steps
    group by bill_id, last_rank

),

next_ranks as (

    select
        open_steps.bill_id,
        min(open_steps.step_rank) as next_rank
    from open_steps
    inner join begun
        on open_steps.bill_id = begun.bill_id
    where open_steps.step_rank >= greatest(begun.last_rank + 1, coalesce(begun.rank_by_age, 1))
    group by open_steps.bill_id

),

staged as (

    select
        pursued.bill_id,
        pursued.customer_id,
        pursued.open_amount,
        pursued.due_on,
        pursued.is_closed,
        reached.last_rank,
        reached.furthest_rank,
        last_steps.step as last_step,
        reached.last_step_on,
        case when reached.lapsed_rank > coalesce(reached.last_rank, 0) then lapsed_steps.step end as lapsed_step,
        case when reached.lapsed_rank > coalesce(reached.last_rank, 0) then reached.lapsed_step_on end
            as lapsed_step_on,
        reached.approved_on,
        next_ranks.next_rank,
        next_steps.step as next_step,
        next_steps.effort,
        greatest(
            cast({{ dbt.dateadd('day', 'next_steps.min_days_overdue', 'pursued.due_on') }} as date),
            cast(
                {{ dbt.dateadd(
                    'day',
                    'case when pursued.is_home then next_steps.wait_days_home else next_steps.wait_days_other end',
                    'reached.last_step_on'
                ) }} as date
            )
        ) as allowed_from
    from pursued
    left join reached
        on pursued.bill_id = reached.bill_id
    left join next_ranks
        on pursued.bill_id = next_ranks.bill_id
    left join steps as last_steps
        on
            pursued.policy_version = last_steps.policy_version
            and pursued.strategy = last_steps.strategy
            and reached.last_rank = last_steps.step_rank
    left join steps as lapsed_steps
        on
            pursued.policy_version = lapsed_steps.policy_version
            and pursued.strategy = lapsed_steps.strategy
            and reached.lapsed_rank = lapsed_steps.step_rank
    left join steps as next_steps
        on
            pursued.policy_version = next_steps.policy_version
            and pursued.strategy = next_steps.strategy
            and next_ranks.next_rank = next_steps.step_rank

)

select * from staged

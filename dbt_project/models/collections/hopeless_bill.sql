-- The bills that nothing more is to be hoped of: too old after all the steps that the policy demands, of an insolvent
-- customer, or given back by an agency; and the day on which the claim is barred.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

debtors as (

    select * from {{ ref('debtor') }}
    where overdue_amount > 0

),

stages as (

    select * from {{ ref('dunning') }}

),

bills as (

    select * from {{ ref('pursued_bill') }}

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

steps as (

    select * from {{ source('policy', 'dunning_steps') }}

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

),

promises as (

    select * from {{ ref('promise') }}

),

movements as (

    select * from {{ ref('movement') }}
    where
        kind in ('payment', 'return')
        and bill_id is not null

),

-- What an agency had: a referral of the bill, or of all debts, after its due date.
agencies as (

    select
        bills.bill_id,
        max(case when actions.kind = 'agency_referral' then actions.acted_on end) as referred_on,
        max(case when actions.kind = 'agency_return' then actions.acted_on end) as returned_on
    from bills
    cross join dates
    inner join actions
        on
            bills.customer_id = actions.customer_id
            and bills.due_on < actions.acted_on
            and dates.as_of_date >= actions.acted_on
            and (actions.bill_id is null or actions.bill_id = bills.bill_id)
    group by bills.bill_id

),

-- While it stands, and its money has not come, a promise or plan is waited for.
promised as (

    select distinct bills.bill_id
    from bills
    cross join dates
    inner join promises
        on
            bills.customer_id = promises.account_id
            and dates.as_of_date >= promises.acted_on
            and dates.as_of_date <= promises.stands_until
            and not promises.is_kept
            and (promises.bill_id is null or promises.bill_id = bills.bill_id)

),

judged as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.open_amount,
        bills.due_on,
        dates.as_of_date,
        policies.limitation_years,
        case when agencies.returned_on >= agencies.referred_on then agencies.returned_on end as returned_on,
        case
            when stages.insolvent_since is not null then 'insolvency'
            when agencies.returned_on >= agencies.referred_on then 'agency'
            when
                promised.bill_id is null
                and {{ days_after('bills.due_on', 'dates.as_of_date') }} >= policies.write_off_days
                and (policies.write_off_after_step = '' or coalesce(bills.furthest_rank, 0) >= steps.step_rank)
                then 'age'
        end as because
    from bills
    cross join dates
    inner join debtors
        on bills.customer_id = debtors.customer_id
    inner join stages
        on bills.customer_id = stages.customer_id
    inner join policies
        on debtors.policy_version = policies.policy_version
    left join agencies
        on bills.bill_id = agencies.bill_id
    left join promised
        on bills.bill_id = promised.bill_id
    left join steps
        on
            debtors.policy_version = steps.policy_version
            and debtors.strategy = steps.strategy
            and policies.write_off_after_step = steps.step

),

hopeless as (

    select * from judged
    where because is not null

),

-- A demand, what the debtor agreed to, an action at law and a part payment restart the period.
acts as (

    select
        hopeless.bill_id,
        hopeless.due_on,
        hopeless.limitation_years,
        actions.kind,
        actions.acted_on
    from hopeless
    inner join actions
        on
            hopeless.customer_id = actions.customer_id
            and hopeless.due_on < actions.acted_on
            and hopeless.as_of_date >= actions.acted_on
            and (actions.bill_id is null or actions.bill_id = hopeless.bill_id)
    where actions.kind in ('notice', 'final_notice', 'promise', 'instalment_plan', 'legal')

    union all

    -- What went back is no payment.
    select
        hopeless.bill_id,
        hopeless.due_on,
        hopeless.limitation_years,
        'payment' as kind,
        movements.paid_on as acted_on
    from hopeless
    inner join movements
        on
            hopeless.bill_id = movements.bill_id
            and hopeless.due_on < movements.paid_on
            and hopeless.as_of_date >= movements.moved_on
    group by hopeless.bill_id, hopeless.due_on, hopeless.limitation_years, movements.paid_on
    having {{ net_received() }} > 0

),

-- The day by which each act had to come: so long after the act before it, or after the due date.
timed as (

    select
        bill_id,
        kind,
        acted_on,
        cast(
            {{ dbt.dateadd('year', 'limitation_years', 'coalesce(lag(acted_on) over bill_acts, due_on)') }} as date
        ) as barred_on
    from acts
    window bill_acts as (
        partition by bill_id
        order by acted_on, kind
    )

),

-- Once the time has run out, no act restarts it, nor any that follows.
counted as (

    select
        *,
        sum(case when acted_on > barred_on then 1 else 0 end) over (
            partition by bill_id
            order by acted_on
        ) as times_run_out
    from timed

),

last_acts as (

    select
        bill_id,
        kind,
        acted_on,
        row_number() over (
            partition by bill_id
            order by acted_on desc, kind asc
        ) as place
    from counted
    where times_run_out = 0

),

barred as (

    select
        hopeless.bill_id,
        hopeless.customer_id,
        hopeless.because,
        hopeless.open_amount,
        hopeless.due_on,
        hopeless.returned_on,
        last_acts.kind as interrupted_by,
        last_acts.acted_on as interrupted_on,
        cast(
            {{ dbt.dateadd('year', 'hopeless.limitation_years', 'coalesce(last_acts.acted_on, hopeless.due_on)') }}
            as date
        )
            as limitation_on
    from hopeless
    left join last_acts
        on
            hopeless.bill_id = last_acts.bill_id
            and last_acts.place = 1

)

select * from barred

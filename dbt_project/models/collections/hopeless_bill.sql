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
    where
        not is_deleted
        and kind in ('notice', 'final_notice', 'promise', 'instalment_plan', 'legal')

),

payments as (

    select * from {{ ref('movement') }}
    where
        kind = 'payment'
        and amount > 0
        and bill_id is not null

),

judged as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.open_amount,
        bills.due_on,
        dates.as_of_date,
        policies.limitation_years,
        case
            when stages.insolvent_since is not null then 'insolvency'
            when
                stages.returned_on >= coalesce(stages.referred_on, stages.returned_on)
                and stages.returned_on > bills.due_on
                then 'agency'
            when
                {{ days_after('bills.due_on', 'dates.as_of_date') }} >= policies.write_off_days
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
        actions.kind,
        actions.acted_on
    from hopeless
    inner join actions
        on
            hopeless.customer_id = actions.customer_id
            and hopeless.due_on < actions.acted_on
            and hopeless.as_of_date >= actions.acted_on
            and (actions.bill_id is null or actions.bill_id = hopeless.bill_id)

    union all

    select
        hopeless.bill_id,
        'payment' as kind,
        payments.paid_on as acted_on
    from hopeless
    inner join payments
        on
            hopeless.bill_id = payments.bill_id
            and hopeless.due_on < payments.paid_on
            and hopeless.as_of_date >= payments.paid_on

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
    from acts

),

barred as (

    select
        hopeless.bill_id,
        hopeless.customer_id,
        hopeless.because,
        hopeless.open_amount,
        hopeless.due_on,
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

-- What customers promised to pay, by a plan or by word, and what came in by the day they named.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

promises as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('promise', 'instalment_plan')
        and (amount is null or amount > 0)
        and promise_date is not null

),

endings as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('plan_broken', 'plan_completed')

),

balances as (

    select * from {{ ref('bill_balance') }}
    where open_amount > 0

),

-- A plan ends by what is said of its bill, or of all plans; of several the first counts.
ended as (

    select
        promises.action_id,
        endings.kind as ended_by,
        endings.acted_on as ended_on,
        row_number() over (
            partition by promises.action_id
            order by endings.acted_on, endings.action_id
        ) as place
    from promises
    inner join endings
        on
            promises.customer_id = endings.customer_id
            and promises.kind = 'instalment_plan'
            and promises.acted_on <= endings.acted_on
            and promises.promise_date >= endings.acted_on
            and (endings.bill_id is null or endings.bill_id = promises.bill_id)

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

-- One without an amount is of all that was open then: of the bill that it names, or of all bills.
open_then as (

    select
        promises.action_id,
        sum(balances.open_amount) as open_amount
    from promises
    inner join balances
        on
            promises.customer_id = balances.customer_id
            and promises.acted_on >= balances.valid_from
            and promises.acted_on < balances.valid_to
            and balances.bill_id = coalesce(promises.bill_id, balances.bill_id)
    where promises.amount is null
    group by promises.action_id

),

paid as (

    select
        promises.action_id,
        sum(case movements.kind when 'payment' then movements.amount else -movements.amount end) as paid_amount
    from promises
    inner join movements
        on
            promises.customer_id = movements.account_id
            and promises.acted_on <= movements.paid_on
            and promises.promise_date >= movements.moved_on
    group by promises.action_id

),

judged as (

    select
        promises.action_id,
        promises.customer_id,
        promises.kind,
        promises.officer_id,
        {{ money('coalesce(promises.amount, open_then.open_amount, 0)') }} as amount,
        {{ money('coalesce(paid.paid_amount, 0)') }} as paid_amount,
        promises.acted_on,
        promises.promise_date,
        ended.ended_by,
        ended.ended_on,
        -- The last day of the promise: it stands to its end.
        least(promises.promise_date, cast({{ dbt.dateadd('day', -1, 'ended.ended_on') }} as date)) as stands_until,
        case ended.ended_by
            when 'plan_broken' then false
            when 'plan_completed' then true
            else coalesce(paid.paid_amount, 0) >= coalesce(promises.amount, open_then.open_amount, 0)
        end as is_kept
    from promises
    left join open_then
        on promises.action_id = open_then.action_id
    left join paid
        on promises.action_id = paid.action_id
    left join ended
        on
            promises.action_id = ended.action_id
            and ended.place = 1

)

select * from judged

-- What came in for each promise by its day: money on the promised debt, from the day of the promise to the day named,
-- that did not go back. Each payment is used once: what was promised first is served first.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with recursive

demands as (

    select * from {{ ref('promised_debt') }}
    where true {{ only_of(changed_customers()) }}

),

eligible as (

    select * from {{ ref('promised_money') }}
    where true {{ only_of(changed_customers()) }}

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

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

-- One promise after the other takes of the money that is left. After an instalment that was missed its plan takes
-- nothing.
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
                        and coalesce(taken.bill_id, '') = eligible.paid_bill_id
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
            and eligible.paid_bill_id = coalesce(movements.bill_id, '')
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

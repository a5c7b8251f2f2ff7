-- What came in for each promise by its day: money on the promised debt, from the day of the promise to the day named,
-- that did not go back. Each payment is used once: what was promised first is served first. Where money went back
-- later, the promises are served as of each such day too: that says on which day it was known that one was broken.
{{
    config(
        materialized='incremental',
        keys_of='changed_account',
        indexes=[
            {'columns': ['action_id', 'due_on'], 'unique': true},
            {'columns': ['account_id']},
            {'columns': ['customer_id']},
        ],
    )
}}

{%- set before %}
demands as (

    select * from {{ ref('promised_debt') }}
    where true {{ only_of_accounts() }}

),

eligible as (

    select * from {{ ref('promised_money') }}
    where true {{ only_of_accounts() }}

),

movements as (

    select * from {{ ref('movement') }}
    where kind in ('payment', 'return') {{ only_of_accounts() }}

),

taken_back as (

    select distinct
        account_id,
        moved_on
    from movements
    where
        kind = 'return'
        or amount < 0

),

-- The days as of which promises are served: the last, and where money went back after a promise's time its end and that
-- day.
seen_days as (

    select
        account_id,
        {{ end_of_time() }} as seen_on
    from demands

    union

    select
        demands.account_id,
        demands.paid_until as seen_on
    from demands
    inner join taken_back
        on
            demands.account_id = taken_back.account_id
            and demands.paid_until < taken_back.moved_on

    union

    select
        demands.account_id,
        taken_back.moved_on as seen_on
    from demands
    inner join taken_back
        on
            demands.account_id = taken_back.account_id
            and demands.paid_until < taken_back.moved_on

),

-- What payments of a day for a bill, or for none, had brought by then, less what of it had gone back.
money as (

    select
        seen_days.account_id,
        seen_days.seen_on,
        movements.bill_id,
        movements.paid_on,
        cast(greatest({{ net_received() }}, 0) as numeric(18, 2)) as amount
    from seen_days
    inner join movements
        on
            seen_days.account_id = movements.account_id
            and seen_days.seen_on >= movements.moved_on
    group by seen_days.account_id, seen_days.seen_on, movements.bill_id, movements.paid_on

)
{%- endset %}

{%- set first %}
    select
        money.account_id,
        money.seen_on,
        money.bill_id,
        money.paid_on,
        cast(0 as bigint) as place,
        money.amount as left_amount,
        cast(0 as numeric(18, 2)) as taken_amount,
        cast('' as {{ dbt.type_string() }}) as action_id,
        false as has_failed
    from money
{%- endset %}

-- One promise after the other takes of the money that is left. After an instalment that was missed its plan takes
-- nothing.
{%- set step %}
    select
        served.account_id,
        served.seen_on,
        served.bill_id,
        served.paid_on,
        served.place,
        cast(served.left_amount - served.taken_amount as numeric(18, 2)) as left_amount,
        served.taken_amount,
        served.action_id,
        served.is_off
        or (
            served.paid_until <= served.seen_on
            and sum(served.taken_amount) over (partition by served.account_id, served.seen_on) < served.amount
        ) as has_failed
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
                    partition by waiting.account_id, waiting.seen_on
                    order by case when waiting.bill_id is null then 1 else 0 end, waiting.paid_on, waiting.bill_id
                    rows between unbounded preceding and current row
                ) - waiting.eligible_amount as left_before,
                sum(case when waiting.bill_id is null then waiting.eligible_amount else 0 end) over (
                    partition by waiting.account_id, waiting.seen_on
                    order by waiting.paid_on, waiting.bill_id
                    rows between unbounded preceding and current row
                ) - case when waiting.bill_id is null then waiting.eligible_amount else 0 end as unnamed_before
            from (
                select
                    taken.account_id,
                    taken.seen_on,
                    taken.bill_id,
                    taken.paid_on,
                    taken.left_amount,
                    demands.place,
                    demands.action_id,
                    demands.amount,
                    demands.paid_until,
                    demands.unnamed_limit,
                    demands.is_void or (demands.action_id = taken.action_id and taken.has_failed) as is_off,
                    eligible.place is not null as is_eligible,
                    case when eligible.place is not null then taken.left_amount else 0 end as eligible_amount
                from taken
                inner join demands
                    on
                        taken.account_id = demands.account_id
                        and taken.place + 1 = demands.place
                left join eligible
                    on
                        demands.account_id = eligible.account_id
                        and demands.place = eligible.place
                        and taken.paid_on = eligible.paid_on
                        and coalesce(taken.bill_id, '') = eligible.paid_bill_id
            ) as waiting
        ) as asked
    ) as served
{%- endset %}

{{ one_after_the_other('taken', before, ['demands', 'eligible'], first, step) }},

sums as (

    select
        account_id,
        seen_on,
        place,
        sum(taken_amount) as paid_amount
    from taken
    where place > 0
    group by account_id, seen_on, place

),

-- The first day as of which what had come and not gone back was too little; before its end nobody knew.
first_short as (

    select
        demands.account_id,
        demands.place,
        min(case when seen_days.seen_on = demands.paid_until then demands.known_on else seen_days.seen_on end)
            as short_on
    from demands
    inner join seen_days
        on
            demands.account_id = seen_days.account_id
            and demands.paid_until <= seen_days.seen_on
            and seen_days.seen_on < {{ end_of_time() }}
    left join sums
        on
            demands.account_id = sums.account_id
            and demands.place = sums.place
            and seen_days.seen_on = sums.seen_on
    where coalesce(sums.paid_amount, 0) < demands.amount
    group by demands.account_id, demands.place

),

judged as (

    select
        demands.action_id,
        demands.due_on,
        demands.customer_id,
        demands.account_id,
        demands.bill_id,
        demands.is_instalment,
        {{ money('demands.amount') }} as amount,
        {{ money('coalesce(sums.paid_amount, 0)') }} as paid_amount,
        coalesce(sums.paid_amount, 0) >= demands.amount as is_paid,
        case
            when coalesce(sums.paid_amount, 0) < demands.amount then coalesce(first_short.short_on, demands.known_on)
        end as broken_on,
        -- What was to be paid after its plan was completed is not missed.
        demands.is_instalment and demands.known_on > demands.due_on as may_be_missed
    from demands
    left join sums
        on
            demands.account_id = sums.account_id
            and demands.place = sums.place
            and sums.seen_on = {{ end_of_time() }}
    left join first_short
        on
            demands.account_id = first_short.account_id
            and demands.place = first_short.place

)

select * from judged

-- What each bill that was open after its due date has cost its debtor, and how soon it came in: a write-off ends the
-- charge, and is no money. What is open costs the same each day of a month: it is charged up to the month's start, so
-- that a row changes by facts and months and not by days.
{{
    config(
        materialized='incremental',
        keys_of='moved_scope',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set days_recovered = [30, 60, 90] %}
with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

spans as (

    select * from {{ ref('debt_span') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

bills as (

    select * from {{ ref('stg_bill') }}

),

assignments as (

    select * from {{ ref('stg_officer_assignment') }}
    where not is_deleted

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

rates as (

    select * from {{ source('policy', 'late_charges') }}

),

-- The day after the due date is the first that is charged for.
owed as (

    select
        spans.*,
        case
            when policies.dispute_counts_in_charges then spans.open_amount
            else {{ undisputed_part('spans.open_amount', 'spans') }}
        end
            as charged_amount,
        dates.policy_version,
        dates.month_start,
        coalesce(customers.segment, 'residential') as segment,
        cast({{ dbt.dateadd('day', 1, 'greatest(spans.open_from, spans.due_on)') }} as date) as charged_from,
        cast({{ dbt.dateadd('year', 1, dbt.date_trunc('year', 'spans.due_on')) }} as date) as carried_over_from
    from scope
    inner join spans
        on scope.customer_id = spans.customer_id
    cross join dates
    inner join policies
        on dates.policy_version = policies.policy_version
    left join customers
        on spans.customer_id = customers.customer_id

),

charged as (

    select
        *,
        -- What was open at the beginning of a day is charged for that day: also of the day on which it is paid.
        coalesce(cast({{ dbt.dateadd('day', 1, 'open_until') }} as date), greatest(charged_from, month_start))
            as charged_until
    from owed

),

counted as (

    select
        charged.*,
        {{ days_after('charged_from', 'least(charged_until, carried_over_from)') }} as days_of_year,
        {{ days_after('greatest(charged_from, carried_over_from)', 'charged_until') }} as days_carried_over
    from charged

),

summed as (

    select
        counted.bill_id,
        counted.customer_id,
        counted.policy_version,
        counted.due_on,
        sum(
            case
                when counted.open_from = greatest(counted.due_on, counted.issued_on) then counted.open_amount
                else 0
            end
        )
            as overdue_amount,
        {#- What is not paid, on the due date and so many days after it, or now where these have not passed. #}
        sum(
            case
                when counted.open_from = greatest(counted.due_on, counted.issued_on) then counted.unpaid_amount
                else 0
            end
        )
            as unpaid_amount,
        {%- for days in days_recovered %}
        {%- set evening = 'greatest(' ~ dbt.dateadd('day', days, 'counted.due_on') ~ ', counted.issued_on)' %}
        sum(
            case
                when
                    counted.open_from <= {{ evening }}
                    and (counted.open_until is null or counted.open_until > {{ evening }})
                    then counted.unpaid_amount
                else 0
            end
        ) as unpaid_after_{{ days }},
        {%- endfor %}
        sum(case when counted.open_until is null then counted.unpaid_amount else 0 end) as unpaid_now,
        max(counted.open_until) as unpaid_until,
        sum(case when counted.open_until is null then counted.open_amount else 0 end) as open_amount,
        max(counted.contested_amount) as contested_amount,
        max(counted.charged_amount) as most_charged,
        max(case when counted.open_amount > 0 then counted.open_until end) as open_until,
        max(case when counted.open_amount > 0 then counted.charged_until end) as charged_until,
        sum(case when counted.charged_amount > 0 then counted.days_of_year + counted.days_carried_over else 0 end)
            as days_charged,
        {#- Rates may have unlike scales: where two such decimals meet, other databases than Postgres cut digits. #}
        sum({{ exact(product('counted.charged_amount', 'counted.days_of_year', 'rates.daily_rate')) }})
            as charge_of_year,
        sum(
            {{ exact(product('counted.charged_amount', 'counted.days_carried_over', 'rates.carried_over_rate')) }}
        ) as charge_carried_over,
        sum(
            case
                when counted.open_until is not null then 0
                when counted.charged_until < counted.carried_over_from
                    then {{ exact(product('counted.charged_amount', 'rates.daily_rate')) }}
                else {{ exact(product('counted.charged_amount', 'rates.carried_over_rate')) }}
            end
        ) as daily_charge
    from counted
    inner join rates
        on
            counted.policy_version = rates.policy_version
            and counted.segment = rates.segment
    group by counted.bill_id, counted.customer_id, counted.policy_version, counted.due_on
    {#- What was written off by its due date was never late. #}
    having max(counted.open_amount) > 0

),

-- Who was assigned on the day on which the bill became overdue.
officers as (

    select
        summed.bill_id,
        max(assignments.officer_id) as officer_id
    from summed
    inner join assignments
        on
            summed.customer_id = assignments.customer_id
            and summed.due_on >= {{ dbt.dateadd('day', -1, 'assignments.valid_from') }}
            and (assignments.valid_to is null or summed.due_on < assignments.valid_to)
    group by summed.bill_id

),

-- Neither what is contested now nor a bill of which never so much was late that it would be pursued is charged for.
judged as (

    select
        summed.*,
        bills.amount,
        policies.late_charge_min,
        policies.late_charge_min_of,
        case when summed.open_amount = 0 then summed.open_until end as settled_on,
        case when summed.unpaid_now = 0 then summed.unpaid_until end as paid_on,
        {{ undisputed_part('summed.overdue_amount', 'summed') }} as undisputed_amount,
        summed.most_charged >= policies.pursued_from as is_charged
    from summed
    inner join bills
        on summed.bill_id = bills.bill_id
    inner join policies
        on summed.policy_version = policies.policy_version

),

charges as (

    select
        *,
        case when is_charged then round(charge_of_year + charge_carried_over, 2) else 0 end as charge
    from judged

),

-- What is paid on one day is one statement, the least of which its first charged bill bears. What is open has none yet.
on_statements as (

    select
        *,
        sum(charge) over (partition by customer_id, settled_on) as statement_charge,
        row_number() over (
            partition by customer_id, settled_on
            order by case when is_charged and days_charged > 0 then 0 else 1 end, due_on, bill_id
        ) as statement_rank
    from charges

),

with_least as (

    select
        *,
        case
            when not is_charged then 0
            when late_charge_min_of = 'bill' then late_charge_min
            when settled_on is null or statement_rank > 1 or statement_charge = 0 then 0
            else charge + greatest(late_charge_min - statement_charge, 0)
        end as least_charge
    from on_statements

),

late_bills as (

    select
        judged.bill_id,
        judged.customer_id,
        judged.policy_version,
        officers.officer_id,
        judged.amount,
        judged.contested_amount,
        cast(judged.overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(judged.undisputed_amount as numeric(18, 2)) as undisputed_amount,
        {%- for days in days_recovered %}
        cast(
            least(greatest(judged.unpaid_amount - judged.unpaid_after_{{ days }}, 0), judged.undisputed_amount)
            as numeric(18, 2)
        ) as recovered_{{ days }},
        {%- endfor %}
        cast(judged.open_amount as numeric(18, 2)) as open_amount,
        cast(least(judged.open_amount, judged.contested_amount) as numeric(18, 2)) as disputed_amount,
        case when judged.is_charged then judged.days_charged else 0 end as days_charged,
        {{ if_charged('judged.charge_of_year + judged.charge_carried_over', 6) }} as accrued_charge,
        {{ if_charged('judged.daily_charge', 6) }} as daily_charge,
        {{ if_charged('round(judged.charge_of_year, 2)', 2) }} as charge_of_year,
        {{ if_charged('round(judged.charge_carried_over, 2)', 2) }} as charge_carried_over,
        {{ late_charge(
            'case when judged.is_charged then judged.days_charged else 0 end',
            'judged.charge_of_year + judged.charge_carried_over',
            'judged.least_charge'
        ) }} as late_charge,
        cast(judged.least_charge as numeric(18, 2)) as least_charge,
        judged.due_on,
        cast({{ dbt.dateadd('day', -1, 'judged.charged_until') }} as date) as charged_through,
        judged.settled_on,
        judged.paid_on
    from with_least as judged
    left join officers
        on judged.bill_id = officers.bill_id

)

select * from late_bills

-- Bills that were open for long, as they are known on the last day: one that was cancelled unpaid was never owed.
-- Counted are days on which what was undisputed and unpaid of all the customer's bills so old was worth pursuing, as
-- for grades.
{{ config(schema='outcomes', indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

{%- set thresholds = {
    'late_on': var('evaluation').indeterminate_days_overdue + 1,
    'defaulted_on': var('evaluation').default_days_overdue + 1
} %}
with

-- What was written off and not recovered was not paid either.
balances as (

    select
        *,
        open_amount - disputed_amount + written_off_amount - recovered_amount as unpaid_amount
    from {{ ref('bill_balance') }}

),

known_balances as (

    select * from {{ ref('bill_balance') }}
    where judged_amount > 0

),

latest_date as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date in ({{ date_list(as_of_dates()) }})

),

owed_bills as (

    select known_balances.bill_id
    from known_balances
    inner join latest_date
        on
            known_balances.valid_from <= latest_date.as_of_date
            and known_balances.valid_to > latest_date.as_of_date

),

-- Spans in which something of a bill that was so old was not paid, and not disputed.
owed as (
    {% for name, days in thresholds.items() %}
    {%- set day = 'cast(' ~ dbt.dateadd('day', days, 'balances.due_on') ~ ' as date)' %}
    select
        '{{ name }}' as threshold,
        balances.bill_id,
        balances.customer_id,
        balances.unpaid_amount as amount,
        greatest(balances.valid_from, {{ day }}) as counts_from,
        balances.valid_to as counts_to
    from balances
    inner join owed_bills
        on balances.bill_id = owed_bills.bill_id
    inner join latest_date
        on
            balances.valid_from <= latest_date.as_of_date
            and latest_date.as_of_date >= {{ day }}
    where
        balances.unpaid_amount > 0
        and balances.valid_to > {{ day }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

changes as (

    select
        threshold,
        customer_id,
        counts_from as changed_on,
        amount as change
    from owed

    union all

    select
        threshold,
        customer_id,
        counts_to as changed_on,
        -amount as change
    from owed

),

days as (

    select
        threshold,
        customer_id,
        changed_on,
        sum(change) as change
    from changes
    group by threshold, customer_id, changed_on

),

running as (

    select
        threshold,
        customer_id,
        sum(change) over customer_days as amount,
        changed_on as valid_from,
        coalesce(lead(changed_on) over customer_days, {{ end_of_time() }}) as valid_to
    from days
    window customer_days as (
        partition by threshold, customer_id
        order by changed_on
    )

),

-- What is pursued of the customer by the month-end before; of days before the first that is known, by the policy's
-- amount.
pursued as (

    select
        running.threshold,
        running.customer_id,
        running.valid_from,
        running.valid_to
    from running
    cross join latest_date
    left join behaviour
        on
            running.customer_id = behaviour.customer_id
            and behaviour.as_of_date
            = cast({{ dbt.dateadd('day', -1, dbt.date_trunc('month', 'running.valid_from')) }} as date)
    where running.amount >= coalesce(behaviour.pursued_from, latest_date.pursued_from)

),

late_bills as (

    select
        {%- for name in thresholds %}
        min(case when owed.threshold = '{{ name }}' then greatest(owed.counts_from, pursued.valid_from) end)
            as {{ name }},
        {%- endfor %}
        owed.bill_id,
        owed.customer_id
    from owed
    inner join pursued
        on
            owed.threshold = pursued.threshold
            and owed.customer_id = pursued.customer_id
            and owed.counts_from < pursued.valid_to
            and owed.counts_to > pursued.valid_from
    group by owed.bill_id, owed.customer_id

)

select * from late_bills
where late_on is not null

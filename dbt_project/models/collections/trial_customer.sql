-- How much of his debts each customer paid within so many days, and by which strategy they were pursued.
-- Debts that fell due before a trial began say nothing of its strategies.
{{ config(indexes=[{'columns': ['customer_id', 'days_recovered'], 'unique': true}]) }}

{%- set days_recovered = [30, 60, 90] %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where undisputed_amount > 0

),

trials as (

    select
        dates.policy_version,
        policies.trial_since,
        policies.trial_salt
    from dates
    inner join policies
        on dates.policy_version = policies.policy_version

),

debts as (

    select late_bills.*
    from late_bills
    cross join trials
    where late_bills.due_on >= coalesce(trials.trial_since, late_bills.due_on)

),

-- In their order: Postgres then sums by the index one customer after another, and not all of them at once in memory.
customers as (

    select
        {%- for days in days_recovered %}
        {%- set is_over = 'due_on <= ' ~ dbt.dateadd('day', -days, last_day()) %}
        sum(case when {{ is_over }} then undisputed_amount end) as overdue_{{ days }},
        sum(case when {{ is_over }} then recovered_{{ days }} end) as recovered_{{ days }},
        {%- endfor %}
        customer_id
    from debts
    group by customer_id
    order by customer_id

),

drawn as (

    select
        customers.*,
        trials.policy_version,
        {{ hundredth_of('customers.customer_id || trials.trial_salt') }} as hundredth
    from customers
    cross join trials

),

assigned as (

    select
        *,
        {{ dunning_strategy() }} as strategy
    from drawn

),

recovered as (
    {% for days in days_recovered %}
    select
        customer_id,
        {{ days }} as days_recovered,
        strategy,
        policy_version,
        overdue_{{ days }} as overdue_amount,
        recovered_{{ days }} as recovered_amount,
        {{ ratio('recovered_' ~ days, 'overdue_' ~ days) }} as recovered_rate
    from assigned
    where overdue_{{ days }} > 0
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
)

select * from recovered

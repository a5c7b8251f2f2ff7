-- How much of their debts the customers of each strategy paid within so many days, a customer's share counting as one.
{{ config(indexes=[{'columns': ['strategy', 'days_recovered'], 'unique': true}]) }}

{%- set days_recovered = [30, 60, 90] %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where overdue_amount > 0

),

-- In their order: Postgres then sums by the index one customer after another, and not all of them at once in memory.
customers as (

    select
        customer_id,
        {%- for days in days_recovered %}
        {%- set is_over = 'due_on <= ' ~ dbt.dateadd('day', -days, last_day()) %}
        sum(case when {{ is_over }} then overdue_amount end) as overdue_{{ days }},
        sum(case when {{ is_over }} then recovered_{{ days }} end) as recovered_{{ days }},
        {%- endfor %}
        {{ hundredth_of('customer_id') }} as hundredth
    from late_bills
    where not is_disputed
    group by customer_id
    order by customer_id

),

assigned as (

    select
        customers.*,
        dates.policy_version,
        {{ dunning_strategy() }} as strategy
    from customers
    cross join dates

),

summed as (

    select
        {%- for days in days_recovered %}
        count(overdue_{{ days }}) as customers_{{ days }},
        sum(overdue_{{ days }}) as overdue_{{ days }},
        sum(recovered_{{ days }}) as recovered_{{ days }},
        avg(recovered_{{ days }} / overdue_{{ days }}) as mean_rate_{{ days }},
        stddev_samp(recovered_{{ days }} / overdue_{{ days }}) as spread_{{ days }},
        {%- endfor %}
        strategy,
        policy_version
    from assigned
    group by strategy, policy_version

),

outcomes as (
    {% for days in days_recovered %}
    select
        strategy,
        {{ days }} as days_recovered,
        policy_version,
        customers_{{ days }} as customers,
        overdue_{{ days }} as overdue_amount,
        recovered_{{ days }} as recovered_amount,
        mean_rate_{{ days }} as mean_recovered_rate,
        spread_{{ days }} / sqrt(customers_{{ days }}) as standard_error
    from summed
    where customers_{{ days }} > 0
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
)

select * from outcomes

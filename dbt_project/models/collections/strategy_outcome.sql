-- How much of their debts the customers of each strategy paid within so many days, a customer's share counting as one.
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

customers as (

    select
        late_bills.customer_id,
        dates.policy_version,
        {%- for days in days_recovered %}
        {%- set is_over = dbt.dateadd('day', days, 'late_bills.due_on') ~ ' <= dates.as_of_date' %}
        sum(case when {{ is_over }} then late_bills.overdue_amount else 0 end) as overdue_{{ days }},
        sum(case when {{ is_over }} then late_bills.recovered_{{ days }} else 0 end) as recovered_{{ days }},
        {%- endfor %}
        {{ hundredth_of('late_bills.customer_id') }} as hundredth
    from late_bills
    cross join dates
    where not late_bills.is_disputed
    group by late_bills.customer_id, dates.policy_version

),

shares as (
    {% for days in days_recovered %}
    select
        policy_version,
        hundredth,
        {{ days }} as days_recovered,
        overdue_{{ days }} as overdue_amount,
        recovered_{{ days }} as recovered_amount,
        recovered_{{ days }} / overdue_{{ days }} as recovered_rate
    from customers
    where overdue_{{ days }} > 0
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

assigned as (

    select
        *,
        {{ dunning_strategy() }} as strategy
    from shares

),

outcomes as (

    select
        strategy,
        days_recovered,
        policy_version,
        count(*) as customers,
        sum(overdue_amount) as overdue_amount,
        sum(recovered_amount) as recovered_amount,
        avg(recovered_rate) as mean_recovered_rate,
        stddev_samp(recovered_rate) / sqrt(count(*)) as standard_error
    from assigned
    group by strategy, days_recovered, policy_version

)

select * from outcomes

-- Of the customers whose contracts began in a month the share who had defaulted so many months later.
{{ config(indexes=[{'columns': ['opened_month', 'months_after'], 'unique': true}]) }}

with

latest_date as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

bills as (

    select * from {{ ref('standing_bill') }}

),

-- Of contracts that began before there were bills nobody knows who defaulted first.
first_bills as (

    select cast({{ dbt.date_trunc('month', 'min(issued_on)') }} as date) as first_month
    from bills

),

customers as (

    select
        customer_id,
        cast({{ dbt.date_trunc('month', 'opened_on') }} as date) as opened_month
    from {{ ref('stg_customer') }}
    where not is_deleted

),

defaults as (

    select
        late_bills.customer_id,
        min(late_bills.defaulted_on) as defaulted_on
    from {{ ref('long_overdue_bill') }} as late_bills
    inner join latest_date
        on late_bills.defaulted_on <= latest_date.as_of_date
    group by late_bills.customer_id

),

months as (

    {% for months in range(1, 25) %}
    select {{ months }} as months_after
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

cohorts as (

    select
        customers.opened_month,
        count(*) as customers
    from customers
    inner join first_bills
        on customers.opened_month >= first_bills.first_month
    group by customers.opened_month

),

points as (

    select
        cohorts.opened_month,
        cohorts.customers,
        months.months_after,
        {% set next_month = dbt.dateadd('month', 'months.months_after + 1', 'cohorts.opened_month') %}
        cast({{ dbt.dateadd('day', -1, next_month) }} as date) as reached_on
    from cohorts
    cross join months
    inner join latest_date
        on {{ next_month }} <= {{ dbt.dateadd('day', 1, 'latest_date.as_of_date') }}

),

defaults_of_cohort as (

    select
        customers.opened_month,
        defaults.defaulted_on
    from customers
    inner join defaults
        on customers.customer_id = defaults.customer_id

),

curves as (

    select
        points.opened_month,
        points.months_after,
        points.customers,
        count(defaults_of_cohort.defaulted_on) as defaults,
        cast({{ rounded_ratio('count(defaults_of_cohort.defaulted_on)', 'points.customers', 6) }} as numeric(9, 6))
            as default_rate
    from points
    left join defaults_of_cohort
        on
            points.opened_month = defaults_of_cohort.opened_month
            and points.reached_on >= defaults_of_cohort.defaulted_on
    group by points.opened_month, points.months_after, points.customers

)

select * from curves

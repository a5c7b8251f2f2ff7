-- What customers of each grade owe on the last day.
{{ config(indexes=[{'columns': ['segment', 'grade'], 'unique': true}]) }}

with

positions as (

    select * from {{ ref('credit_position') }}
    where as_of_date = {{ last_day() }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

grades as (

    select
        customers.segment,
        positions.grade,
        max(positions.grade_rank) as grade_rank,
        count(*) as customers,
        sum(positions.open_amount) as receivable_amount,
        sum(behaviour.overdue_amount) as overdue_amount,
        sum(positions.exposure) as exposure,
        sum(positions.credit_limit) as credit_limit
    from positions
    inner join behaviour
        on positions.customer_id = behaviour.customer_id
    inner join customers
        on positions.customer_id = customers.customer_id
    group by customers.segment, positions.grade

)

select * from grades

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

),

as_contracted as (

    select
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(customers as bigint) as customers,
        cast(receivable_amount as numeric(18, 2)) as receivable_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(exposure as numeric(18, 2)) as exposure,
        cast(credit_limit as numeric(18, 2)) as credit_limit,
        cast(grade_rank as integer) as grade_rank
    from grades

)

select * from as_contracted

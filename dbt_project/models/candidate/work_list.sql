-- All of it, each night: whoever owes most for least effort comes first, and that hangs on all the others.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

debtors as (

    select * from {{ ref('debtor') }}

),

stages as (

    select * from {{ ref('dunning') }}

),

ratings as (

    select * from {{ ref('rating') }}

),

positions as (

    select * from {{ ref('credit_position') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

default_rates as (

    select * from {{ source('policy', 'default_rates') }}

),

weighed as (

    select
        debtors.*,
        stages.last_step,
        stages.last_step_on,
        stages.next_step,
        stages.earliest_on,
        stages.held_by,
        stages.effort,
        customers.segment,
        customers.region,
        customers.org_unit,
        ratings.grade,
        ratings.grade_rank,
        coalesce(default_rates.probability_of_default, 1) as probability_of_default,
        coalesce(positions.exposure, debtors.overdue_amount) as exposure
    from debtors
    inner join stages
        on debtors.customer_id = stages.customer_id
    left join customers
        on debtors.customer_id = customers.customer_id
    left join ratings
        on debtors.customer_id = ratings.customer_id
    left join positions
        on debtors.customer_id = positions.customer_id
    left join default_rates
        on
            debtors.policy_version = default_rates.policy_version
            and ratings.grade = default_rates.grade

),

lossy as (

    select
        *,
        {{ loss_given_default('days_overdue') }} as loss_given_default
    from weighed

),

expected as (

    select
        *,
        cast(round(probability_of_default * exposure * loss_given_default, 2) as numeric(18, 2)) as expected_loss
    from lossy

),

as_contracted as (

    select
        cast(customer_id as text) as customer_id,
        cast(segment as text) as segment,
        cast(region as text) as region,
        cast(org_unit as text) as org_unit,
        cast(officer_id as text) as officer_id,
        cast(
            row_number() over (
                partition by officer_id
                order by expected_loss / effort desc, customer_id
            ) as integer
        ) as officer_rank,
        cast(grade as text) as grade,
        cast(strategy as text) as strategy,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(disputed_amount as numeric(18, 2)) as disputed_amount,
        cast(late_charge as numeric(18, 2)) as late_charge,
        cast(overdue_bills as integer) as overdue_bills,
        cast(days_overdue as integer) as days_overdue,
        cast(oldest_due_on as date) as oldest_due_on,
        cast(last_step as text) as last_step,
        cast(last_step_on as date) as last_step_on,
        cast(next_step as text) as next_step,
        cast(earliest_on as date) as earliest_on,
        cast(held_by as text) as held_by,
        cast(exposure as numeric(18, 2)) as exposure,
        cast(probability_of_default as numeric(6, 4)) as probability_of_default,
        cast(loss_given_default as numeric(6, 4)) as loss_given_default,
        cast(expected_loss as numeric(18, 2)) as expected_loss,
        cast(effort as numeric(18, 2)) as effort,
        cast(policy_version as text) as policy_version,
        cast(grade_rank as integer) as grade_rank
    from expected

)

select * from as_contracted

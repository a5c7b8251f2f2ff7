-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

grade_changes as (

    select * from {{ ref('grade_change') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

overrides as (

    select * from {{ ref('stg_grade_override') }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date = {{ last_day() }}

),

reasons as (

    select
        customer_id,
        max(case when reason_rank = 1 then reason_code end) as reason_1,
        max(case when reason_rank = 2 then reason_code end) as reason_2,
        max(case when reason_rank = 3 then reason_code end) as reason_3
    from {{ ref('main_reason') }}
    group by customer_id

),

current_ratings as (

    select
        ratings.customer_id,
        customers.segment,
        customers.region,
        customers.org_unit,
        ratings.grade,
        ratings.grade_rank,
        ratings.grade_by_policy,
        ratings.grade_by_score,
        grade_changes.previous_grade,
        grade_changes.grade_steps_down,
        ratings.score,
        ratings.weight_available,
        ratings.veto,
        ratings.veto_reason_code,
        reasons.reason_1,
        reasons.reason_2,
        reasons.reason_3,
        behaviour.open_amount,
        behaviour.overdue_amount,
        behaviour.mean_monthly_bill,
        behaviour.max_days_overdue,
        overrides.override_id,
        overrides.reason as override_reason,
        overrides.approver_id as override_approver_id,
        overrides.ends_on as override_ends_on,
        ratings.policy_version
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join customers
        on scope.customer_id = customers.customer_id
    inner join behaviour
        on scope.customer_id = behaviour.customer_id
    inner join grade_changes
        on scope.customer_id = grade_changes.customer_id
    left join reasons
        on scope.customer_id = reasons.customer_id
    left join overrides
        on ratings.override_id = overrides.override_id

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(grade_by_policy as {{ dbt.type_string() }}) as grade_by_policy,
        cast(grade_by_score as {{ dbt.type_string() }}) as grade_by_score,
        cast(previous_grade as {{ dbt.type_string() }}) as previous_grade,
        cast(grade_steps_down as integer) as grade_steps_down,
        cast(score as numeric(6, 2)) as score,
        cast(weight_available as numeric(6, 2)) as weight_available,
        cast(veto as {{ dbt.type_string() }}) as veto,
        cast(veto_reason_code as {{ dbt.type_string() }}) as veto_reason_code,
        cast(reason_1 as {{ dbt.type_string() }}) as reason_1,
        cast(reason_2 as {{ dbt.type_string() }}) as reason_2,
        cast(reason_3 as {{ dbt.type_string() }}) as reason_3,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(mean_monthly_bill as numeric(18, 2)) as mean_monthly_bill,
        cast(max_days_overdue as integer) as max_days_overdue,
        cast(override_id as {{ dbt.type_string() }}) as override_id,
        cast(override_reason as {{ dbt.type_string() }}) as override_reason,
        cast(override_approver_id as {{ dbt.type_string() }}) as override_approver_id,
        cast(override_ends_on as date) as override_ends_on,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(grade_rank as integer) as grade_rank
    from current_ratings

)

select * from as_contracted

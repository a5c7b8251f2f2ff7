with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

ratings as (

    select * from {{ ref('rating') }}

),

changes as (

    select * from {{ ref('rating_change') }}

),

customers as (

    select * from {{ ref('customer_as_of') }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

reasons as (

    select
        as_of_date,
        customer_id,
        max(case when reason_rank = 1 then reason_code end) as reason_1,
        max(case when reason_rank = 2 then reason_code end) as reason_2,
        max(case when reason_rank = 3 then reason_code end) as reason_3
    from {{ ref('main_reason') }}
    group by as_of_date, customer_id

),

current_ratings as (

    select
        ratings.customer_id,
        customers.segment,
        customers.region,
        customers.org_unit,
        ratings.grade,
        ratings.grade_by_score,
        changes.previous_grade,
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
        ratings.policy_version
    from ratings
    inner join dates
        on ratings.as_of_date = dates.as_of_date
    inner join customers
        on
            ratings.as_of_date = customers.as_of_date
            and ratings.customer_id = customers.customer_id
    inner join behaviour
        on
            ratings.as_of_date = behaviour.as_of_date
            and ratings.customer_id = behaviour.customer_id
    inner join changes
        on
            ratings.as_of_date = changes.as_of_date
            and ratings.customer_id = changes.customer_id
    left join reasons
        on
            ratings.as_of_date = reasons.as_of_date
            and ratings.customer_id = reasons.customer_id

),

as_contracted as (

    select
        cast(customer_id as text) as customer_id,
        cast(segment as text) as segment,
        cast(region as text) as region,
        cast(org_unit as text) as org_unit,
        cast(grade as text) as grade,
        cast(grade_by_score as text) as grade_by_score,
        cast(previous_grade as text) as previous_grade,
        cast(score as numeric(6, 2)) as score,
        cast(weight_available as numeric(6, 2)) as weight_available,
        cast(veto as text) as veto,
        cast(veto_reason_code as text) as veto_reason_code,
        cast(reason_1 as text) as reason_1,
        cast(reason_2 as text) as reason_2,
        cast(reason_3 as text) as reason_3,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(mean_monthly_bill as numeric(18, 2)) as mean_monthly_bill,
        cast(max_days_overdue as integer) as max_days_overdue,
        cast(policy_version as text) as policy_version
    from current_ratings

)

select * from as_contracted

with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('customer_as_of') }}

),

indicator_points as (

    select * from {{ ref('indicator_points') }}

),

vetoes as (

    select * from {{ ref('veto') }}

),

grades as (

    select * from {{ source('policy', 'grades') }}

),

-- Indicators that are not available share their weight among the rest: points are read against what is there.
scores as (

    select
        as_of_date,
        customer_id,
        round(100 * sum(points) / sum(weight), 2) as score,
        sum(weight) as weight_available
    from indicator_points
    group by as_of_date, customer_id

),

scored_customers as (

    select
        customers.as_of_date,
        customers.customer_id,
        dates.policy_version,
        scores.score,
        coalesce(scores.weight_available, 0) as weight_available,
        customers.is_new_customer or scores.score is null as is_not_rated
    from customers
    inner join dates
        on customers.as_of_date = dates.as_of_date
    left join scores
        on
            customers.as_of_date = scores.as_of_date
            and customers.customer_id = scores.customer_id

),

graded as (

    select
        scored_customers.as_of_date,
        scored_customers.customer_id,
        scored_customers.policy_version,
        scored_customers.score,
        scored_customers.weight_available,
        scored_customers.is_not_rated,
        vetoes.veto,
        vetoes.reason_code as veto_reason_code,
        min(grades.grade_rank) as score_grade_rank,
        greatest(min(grades.grade_rank), coalesce(max(vetoes.best_grade_rank), 0)) as grade_rank
    from scored_customers
    left join grades
        on
            scored_customers.policy_version = grades.policy_version
            and scored_customers.score >= grades.min_score
    left join vetoes
        on
            scored_customers.as_of_date = vetoes.as_of_date
            and scored_customers.customer_id = vetoes.customer_id
    group by
        scored_customers.as_of_date,
        scored_customers.customer_id,
        scored_customers.policy_version,
        scored_customers.score,
        scored_customers.weight_available,
        scored_customers.is_not_rated,
        vetoes.veto,
        vetoes.reason_code

),

named as (

    select
        graded.as_of_date,
        graded.customer_id,
        graded.policy_version,
        case when graded.is_not_rated then 'NR' else final_grade.grade end as grade,
        case when graded.is_not_rated then 'NR' else score_grade.grade end as grade_by_score,
        case when not graded.is_not_rated then graded.grade_rank end as grade_rank,
        graded.score,
        graded.weight_available,
        case when graded.grade_rank > graded.score_grade_rank and not graded.is_not_rated then graded.veto end as veto,
        case when graded.grade_rank > graded.score_grade_rank and not graded.is_not_rated then graded.veto_reason_code end
            as veto_reason_code
    from graded
    left join grades as final_grade
        on
            graded.policy_version = final_grade.policy_version
            and graded.grade_rank = final_grade.grade_rank
    left join grades as score_grade
        on
            graded.policy_version = score_grade.policy_version
            and graded.score_grade_rank = score_grade.grade_rank

)

select * from named

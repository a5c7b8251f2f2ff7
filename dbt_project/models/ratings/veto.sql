with

dates as (

    select * from {{ ref('as_of_date') }}

),

feature_values as (

    select * from {{ ref('feature_value') }}

),

vetoes as (

    select * from {{ source('policy', 'vetoes') }}

),

grades as (

    select * from {{ source('policy', 'grades') }}

),

applied as (

    select
        feature_values.as_of_date,
        feature_values.customer_id,
        vetoes.veto,
        vetoes.reason_code,
        grades.grade_rank as best_grade_rank,
        -- The hardest veto decides; of two equally hard ones the first by name is named.
        row_number() over (
            partition by feature_values.as_of_date, feature_values.customer_id
            order by grades.grade_rank desc, vetoes.veto asc
        ) as veto_rank
    from feature_values
    inner join dates
        on feature_values.as_of_date = dates.as_of_date
    inner join vetoes
        on
            dates.policy_version = vetoes.policy_version
            and feature_values.feature = vetoes.feature
    inner join grades
        on
            vetoes.policy_version = grades.policy_version
            and vetoes.best_grade = grades.grade
    where {{ policy_condition('feature_values.feature_value', 'vetoes.comparator', 'vetoes.threshold') }}

),

hardest as (

    select
        as_of_date,
        customer_id,
        veto,
        reason_code,
        best_grade_rank
    from applied
    where veto_rank = 1

)

select * from hardest

{% macro rating(scope, score) -%}
    {#- The ratings of a scope's customers: the grade of the score, or of the veto where that is worse. -#}
    {%- set is_month_end = scope == 'month_end_scope' -%}
with

scope as (

    select * from {{ ref(scope) }}
    where is_known

),

scores as (

    select * from {{ ref(score) }}

),

scored as (

    select scores.*
    from scope
    inner join scores
        on
            scope.customer_id = scores.customer_id
            {{ 'and scope.as_of_date = scores.as_of_date' if is_month_end }}

),

ranked as (

    select
        *,
        is_new_customer or score is null as is_not_rated,
        {{ grade_rank_by_score() }} as score_grade_rank
    from scored

),

capped as (

    select
        *,
        greatest(score_grade_rank, coalesce(veto_grade_rank, 0)) as final_grade_rank,
        not is_not_rated and veto_grade_rank > score_grade_rank as is_capped
    from ranked

),

graded as (

    select
        {{ 'as_of_date,' if is_month_end }}
        customer_id,
        policy_version,
        case when is_not_rated then 'NR' else {{ grade_name('final_grade_rank') }} end as grade,
        case when is_not_rated then 'NR' else {{ grade_name('score_grade_rank') }} end as grade_by_score,
        case when not is_not_rated then final_grade_rank end as grade_rank,
        score,
        weight_available,
        case when is_capped then veto end as veto,
        case when is_capped then veto_reason_code end as veto_reason_code
    from capped

)

select * from graded
{%- endmacro %}

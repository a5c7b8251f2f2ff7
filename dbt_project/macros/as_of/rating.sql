{% macro rating(scope, customer_feature) -%}
    {#- The ratings of a scope's customers, by the policy in force on each of its dates. -#}
    {%- set is_month_end = scope == 'month_end_scope' -%}
with

scope as (

    select * from {{ ref(scope) }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

features as (

    select * from {{ ref(customer_feature) }}

),

contracted as (

    select
        scope.as_of_date,
        dates.policy_version,
        {{ dbt.dateadd('month', 'dates.new_customer_months', 'customers.opened_on') }} > scope.as_of_date
            as is_new_customer,
        features.customer_id,
        customers.segment,
        {%- for feature in features() %}
        features.{{ feature }}{{ ',' if not loop.last }}
        {%- endfor %}
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join customers
        on
            scope.customer_id = customers.customer_id
            and scope.as_of_date >= customers.opened_on
    inner join features
        on
            scope.customer_id = features.customer_id
            {{ 'and scope.as_of_date = features.as_of_date' if is_month_end }}

),

pointed as (

    select
        *,
        cast({{ total_points() }} as numeric) as points,
        cast({{ available_weight() }} as numeric) as weight_available,
        {{ hardest_veto('veto') }} as hardest_veto,
        {{ hardest_veto('reason_code') }} as hardest_veto_reason_code,
        {{ hardest_veto('best_grade_rank') }} as veto_grade_rank
    from contracted

),

scored as (

    select
        *,
        cast(round(100 * points / nullif(weight_available, 0), 2) as numeric(6, 2)) as score
    from pointed

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
        case when is_capped then hardest_veto end as veto,
        case when is_capped then hardest_veto_reason_code end as veto_reason_code
    from capped

)

select * from graded
{%- endmacro %}

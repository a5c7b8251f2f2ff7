-- The grade of the score, or of a veto or of the step from the month-end before where that is worse; a person's
-- override stands before both.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('as_of_scope') }}

),

dates as (

    select * from {{ ref('evaluation_date') }}

),

scores as (

    select * from {{ ref('score') }}

),

scores_before as (

    select * from {{ ref('score') }}
    where as_of_date in ({{ past_month_ends() }})

),

overrides as (

    select * from {{ ref('stg_grade_override') }}
    where not is_deleted

),

-- Of overrides that stand on the same day the last one decides.
standing_overrides as (

    select
        scope.as_of_date,
        scope.customer_id,
        overrides.override_id,
        overrides.grade,
        row_number() over (
            partition by scope.as_of_date, scope.customer_id
            order by overrides.starts_on desc, overrides.override_id desc
        ) as override_rank
    from scope
    inner join overrides
        on
            scope.customer_id = overrides.customer_id
            and scope.as_of_date >= overrides.starts_on
            and scope.as_of_date <= overrides.ends_on

),

-- The grade that the policy gave a month-end before, asked for where the policy says what may follow it.
ranked_before as (

    select
        *,
        greatest(
            {{ grade_rank_by_score() }},
            coalesce(veto_grade_rank, 0),
            case when is_in_default then {{ default_grade_rank() }} else 0 end
        ) as grade_rank
    from scores_before
    where
        {{ 'true' if has_transitions() else 'false' }}
        and score is not null
        and not is_new_customer

),

graded_before as (

    select
        *,
        {{ grade_name('grade_rank') }} as grade_before
    from ranked_before

),

named_before as (

    select
        dates.as_of_date,
        graded_before.customer_id,
        graded_before.grade_before
    from dates
    inner join graded_before
        on dates.previous_month_end = graded_before.as_of_date

),

scored as (

    select
        scores.*,
        named_before.grade_before,
        standing_overrides.override_id,
        standing_overrides.grade as override_grade
    from scope
    inner join scores
        on
            scope.customer_id = scores.customer_id
            and scope.as_of_date = scores.as_of_date
    left join named_before
        on
            scope.customer_id = named_before.customer_id
            and scope.as_of_date = named_before.as_of_date
    left join standing_overrides
        on
            scope.customer_id = standing_overrides.customer_id
            and scope.as_of_date = standing_overrides.as_of_date
            and standing_overrides.override_rank = 1

),

ranked as (

    select
        *,
        case
            when is_new_customer then {{ new_customer_grade_rank() }}
            when score is not null then {{ grade_rank_by_score() }}
        end as score_grade_rank,
        {{ grade_after('best_grade_rank') }} as transition_grade_rank,
        {{ grade_after('reason_code') }} as transition_reason_code,
        {{ grade_rank_of('override_grade') }} as override_grade_rank,
        -- In default nobody is better than the policy's grade for it: not by score, not as a new customer, not by a
        -- person's word.
        case when is_in_default then {{ default_grade_rank() }} else 0 end as default_rank
    from scored

),

-- A veto that leaves the worst grade alone gives it whatever else is known: there is nothing to be capped.
capped as (

    select
        *,
        greatest(score_grade_rank, coalesce(veto_grade_rank, 0)) as vetoed_grade_rank,
        coalesce(
            veto_grade_rank > score_grade_rank, coalesce(veto_grade_rank = {{ worst_grade_rank() }}, false)
        ) as is_vetoed
    from ranked

),

stepped as (

    select
        *,
        score_grade_rank is null and not is_vetoed and not is_in_default as is_not_rated,
        greatest(coalesce(vetoed_grade_rank, 0), coalesce(transition_grade_rank, 0), default_rank) as policy_grade_rank,
        coalesce(transition_grade_rank > greatest(vetoed_grade_rank, default_rank), false) as is_held_back,
        default_rank > coalesce(vetoed_grade_rank, 0) as is_capped_by_default,
        greatest(override_grade_rank, default_rank) as allowed_override_rank
    from capped

),

graded as (

    select
        as_of_date,
        customer_id,
        policy_version,
        case
            when override_grade_rank is not null then {{ grade_name('allowed_override_rank') }}
            when is_not_rated then 'NR'
            else {{ grade_name('policy_grade_rank') }}
        end as grade,
        case when is_not_rated then 'NR' else {{ grade_name('policy_grade_rank') }} end as grade_by_policy,
        case when score_grade_rank is null then 'NR' else {{ grade_name('score_grade_rank') }} end as grade_by_score,
        case
            when override_grade_rank is not null then allowed_override_rank
            when not is_not_rated then policy_grade_rank
        end as grade_rank,
        score,
        weight_available,
        case
            when is_not_rated then null
            when is_held_back then 'after ' || grade_before
            when is_capped_by_default then 'in_default'
            when is_vetoed then veto
        end as veto,
        case
            when is_not_rated then null
            when is_held_back then transition_reason_code
            when is_capped_by_default then null
            when is_vetoed then veto_reason_code
        end as veto_reason_code,
        case when override_grade_rank is not null then override_id end as override_id
    from stepped

)

select * from graded

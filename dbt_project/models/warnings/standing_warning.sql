-- What stands on the last day: the warnings that evaluation days have dated, and what the rules find on the last day
-- that none has dated yet. The latter is in no history: nights and one run at their end would date it differently.
{{ config(materialized='view', keys_of='warning_scope') }}

with

warnings as (

    select * from {{ ref('warning') }}

),

dated_warnings as (

    select * from warnings
    where status <> 'cleared'

),

found as (

    select * from {{ ref('rule_evaluation') }}
    where as_of_date = {{ last_day() }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

evaluations as (

    select * from {{ ref('rated_evaluation') }}

),

acknowledgements as (

    select * from {{ ref('stg_warning_acknowledgement') }}
    where not is_deleted

),

not_dated as (

    select
        found.customer_id,
        found.rule,
        found.policy_version,
        found.evidence,
        rules.level
    from found
    inner join rules
        on
            found.policy_version = rules.policy_version
            and found.rule = rules.rule
    left join dated_warnings
        on
            found.customer_id = dated_warnings.customer_id
            and found.rule = dated_warnings.rule
    where dated_warnings.rule is null

),

notes as (

    select
        not_dated.customer_id,
        not_dated.rule,
        acknowledgements.acknowledgement_id,
        acknowledgements.officer_id,
        acknowledgements.acknowledged_on
    from not_dated
    inner join acknowledgements
        on
            not_dated.customer_id = acknowledgements.customer_id
            and not_dated.rule = acknowledgements.rule
            and acknowledgements.acknowledged_on <= {{ last_day() }}

),

last_evaluations as (

    select
        notes.acknowledgement_id,
        max(evaluations.as_of_date) as evaluated_on
    from notes
    inner join evaluations
        on notes.customer_id = evaluations.customer_id
    group by notes.acknowledgement_id

),

last_clearings as (

    select
        notes.acknowledgement_id,
        max(warnings.clears_on) as cleared_on
    from notes
    inner join warnings
        on
            notes.customer_id = warnings.customer_id
            and notes.rule = warnings.rule
    group by notes.acknowledgement_id

),

-- A note is of what is not dated since the last evaluation, which did not find it, and since the former one cleared.
noted as (

    select
        notes.*,
        row_number() over (
            partition by notes.customer_id, notes.rule
            order by notes.acknowledged_on, notes.acknowledgement_id
        ) as acknowledgement_rank
    from notes
    left join last_evaluations
        on notes.acknowledgement_id = last_evaluations.acknowledgement_id
    left join last_clearings
        on notes.acknowledgement_id = last_clearings.acknowledgement_id
    where
        notes.acknowledged_on > coalesce(last_evaluations.evaluated_on, cast('{{ warned_from() }}' as date))
        and (last_clearings.cleared_on is null or notes.acknowledged_on >= last_clearings.cleared_on)

),

-- Whether the rule holds is the last day's finding, as limits and grades are the last day's; and so is what shows it.
standing as (

    select
        dated_warnings.customer_id,
        dated_warnings.rule,
        dated_warnings.policy_version,
        dated_warnings.level_by_rule,
        dated_warnings.level,
        dated_warnings.status,
        coalesce(found.evidence, dated_warnings.evidence) as evidence,
        found.rule is not null as is_met,
        dated_warnings.is_reopened,
        true as is_dated,
        dated_warnings.opened_on,
        dated_warnings.evident_on,
        dated_warnings.deadline,
        dated_warnings.acknowledged_on,
        dated_warnings.acknowledged_by,
        dated_warnings.escalates_on,
        dated_warnings.clears_on
    from dated_warnings
    left join found
        on
            dated_warnings.customer_id = found.customer_id
            and dated_warnings.rule = found.rule

    union all

    select
        not_dated.customer_id,
        not_dated.rule,
        not_dated.policy_version,
        not_dated.level as level_by_rule,
        not_dated.level,
        case when noted.acknowledged_on is null then 'open' else 'acknowledged' end as status,
        not_dated.evidence,
        true as is_met,
        false as is_reopened,
        false as is_dated,
        cast(null as date) as opened_on,
        cast(null as date) as evident_on,
        cast(null as date) as deadline,
        noted.acknowledged_on,
        noted.officer_id as acknowledged_by,
        cast(null as date) as escalates_on,
        cast(null as date) as clears_on
    from not_dated
    left join noted
        on
            not_dated.customer_id = noted.customer_id
            and not_dated.rule = noted.rule
            and noted.acknowledgement_rank = 1

)

select * from standing

-- What stands on the last day: the warnings that evaluation days have dated, and what the rules find on the last day
-- that none has dated yet. The latter is in no history: nights and one run at their end would date it differently.
{{ config(materialized='view', keys_of='warning_scope') }}

with

dated_warnings as (

    select * from {{ ref('warning') }}
    where status <> 'cleared'

),

found as (

    select * from {{ ref('rule_evaluation') }}
    where as_of_date = {{ last_day() }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

-- Whether the rule holds is the last day's finding, as limits and grades are the last day's.
standing as (

    select
        dated_warnings.customer_id,
        dated_warnings.rule,
        dated_warnings.policy_version,
        dated_warnings.level_by_rule,
        dated_warnings.level,
        dated_warnings.status,
        dated_warnings.evidence,
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
        found.customer_id,
        found.rule,
        found.policy_version,
        rules.level as level_by_rule,
        rules.level,
        'open' as status,
        found.evidence,
        true as is_met,
        false as is_reopened,
        false as is_dated,
        cast(null as date) as opened_on,
        cast(null as date) as evident_on,
        cast(null as date) as deadline,
        cast(null as date) as acknowledged_on,
        cast(null as {{ dbt.type_string() }}) as acknowledged_by,
        cast(null as date) as escalates_on,
        cast(null as date) as clears_on
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

)

select * from standing

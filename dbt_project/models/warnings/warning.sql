-- The life of each warning of the stored year. A rule that holds again before it has ceased for so many days as the
-- policy asks for is the same warning still.
{{
    config(
        materialized='incremental',
        keys_of='warning_scope',
        indexes=[{'columns': ['customer_id', 'rule', 'opened_on'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

met as (

    select * from {{ ref('rule_met') }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

acknowledgements as (

    select * from {{ ref('stg_warning_acknowledgement') }}
    where not is_deleted

),

held as (

    select
        met.*,
        cast({{ dbt.dateadd('day', 'rules.clear_after_days', 'met.met_until') }} as date) as clears_on
    from scope
    inner join met
        on scope.customer_id = met.customer_id
    inner join rules
        on
            met.policy_version = rules.policy_version
            and met.rule = rules.rule

),

beside_before as (

    select
        *,
        lag(clears_on) over (
            partition by customer_id, rule
            order by met_from
        ) as would_clear_on
    from held

),

numbered as (

    select
        *,
        sum(case when met_from <= would_clear_on then 0 else 1 end) over (
            partition by customer_id, rule
            order by met_from
            rows between unbounded preceding and current row
        ) as spell
    from beside_before

),

spans as (

    select
        *,
        min(met_from) over (partition by customer_id, rule, spell) as opened_on,
        min(evaluated_before) over (partition by customer_id, rule, spell) as unseen_since,
        row_number() over (
            partition by customer_id, rule, spell
            order by met_from desc
        ) as from_last
    from numbered

),

-- The last time that the rule held shows when the warning clears, and what is behind it now.
spells as (

    select
        spans.customer_id,
        spans.rule,
        spans.policy_version,
        rules.level as level_by_rule,
        spans.evidence,
        spans.opened_on,
        spans.unseen_since,
        spans.met_from as evident_on,
        spans.met_until,
        spans.clears_on,
        lag(spans.clears_on) over (
            partition by spans.customer_id, spans.rule
            order by spans.opened_on
        ) as cleared_before_on,
        rules.reopen_within_days,
        cast({{ dbt.dateadd('day', 'rules.deadline_days', 'spans.opened_on') }} as date) as deadline,
        cast({{ dbt.dateadd('day', 'rules.escalate_after_days', 'spans.opened_on') }} as date) as would_escalate_on
    from spans
    inner join rules
        on
            spans.policy_version = rules.policy_version
            and spans.rule = rules.rule
    where spans.from_last = 1

),

-- Of several people who took note the first one counts. Who did since the evaluation day before the first one has seen
-- it among what was not dated yet.
acknowledged as (

    select
        spells.customer_id,
        spells.rule,
        spells.opened_on,
        acknowledgements.officer_id,
        acknowledgements.acknowledged_on,
        row_number() over (
            partition by spells.customer_id, spells.rule, spells.opened_on
            order by acknowledgements.acknowledged_on, acknowledgements.acknowledgement_id
        ) as acknowledgement_rank
    from spells
    cross join dates
    inner join acknowledgements
        on
            spells.customer_id = acknowledgements.customer_id
            and spells.rule = acknowledgements.rule
            and (
                spells.opened_on <= acknowledgements.acknowledged_on
                or (
                    spells.unseen_since < acknowledgements.acknowledged_on
                    and (
                        spells.cleared_before_on is null
                        or spells.cleared_before_on <= acknowledgements.acknowledged_on
                    )
                )
            )
            and dates.as_of_date >= acknowledgements.acknowledged_on
            and (spells.clears_on is null or spells.clears_on > acknowledgements.acknowledged_on)

),

timed as (

    select
        spells.*,
        acknowledged.officer_id as acknowledged_by,
        acknowledged.acknowledged_on,
        -- Who takes note in time, or clears it, spares it the next level.
        case
            when
                spells.level_by_rule <> 'red'
                and spells.would_escalate_on < coalesce(acknowledged.acknowledged_on, cast('9999-12-31' as date))
                and spells.would_escalate_on < coalesce(spells.clears_on, cast('9999-12-31' as date))
                then spells.would_escalate_on
        end as escalates_on
    from spells
    left join acknowledged
        on
            spells.customer_id = acknowledged.customer_id
            and spells.rule = acknowledged.rule
            and spells.opened_on = acknowledged.opened_on
            and acknowledged.acknowledgement_rank = 1

),

warnings as (

    select
        timed.customer_id,
        timed.rule,
        timed.policy_version,
        timed.level_by_rule,
        case
            when timed.escalates_on > dates.as_of_date or timed.escalates_on is null then timed.level_by_rule
            when timed.level_by_rule = 'blue' then 'yellow'
            when timed.level_by_rule = 'yellow' then 'orange'
            else 'red'
        end as level,
        case
            when timed.clears_on <= dates.as_of_date then 'cleared'
            when timed.acknowledged_on is not null then 'acknowledged'
            else 'open'
        end as status,
        timed.evidence,
        timed.acknowledged_by,
        coalesce(
            timed.opened_on
            <= cast({{ dbt.dateadd('day', 'timed.reopen_within_days', 'timed.cleared_before_on') }} as date),
            false
        ) as is_reopened,
        timed.met_until is null as is_met,
        timed.opened_on,
        timed.evident_on,
        timed.deadline,
        timed.acknowledged_on,
        timed.escalates_on,
        timed.clears_on
    from timed
    cross join dates

)

select * from warnings

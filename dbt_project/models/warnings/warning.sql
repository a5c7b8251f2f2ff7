with

dates as (

    select * from {{ ref('as_of_date') }}

),

feature_values as (

    select * from {{ ref('feature_value') }}

),

changes as (

    select * from {{ ref('rating_change') }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

conditions as (

    select * from {{ source('policy', 'warning_conditions') }}

),

facts as (

    select
        as_of_date,
        customer_id,
        feature,
        feature_value
    from feature_values

    union all

    select
        as_of_date,
        customer_id,
        'grade_rank' as feature,
        cast(grade_rank as numeric) as feature_value
    from changes
    where grade_rank is not null

    union all

    select
        as_of_date,
        customer_id,
        'grade_steps_down' as feature,
        cast(grade_steps_down as numeric) as feature_value
    from changes
    where grade_steps_down is not null

),

conditions_to_meet as (

    select
        policy_version,
        rule,
        count(*) as condition_count
    from conditions
    group by policy_version, rule

),

met as (

    select
        facts.as_of_date,
        facts.customer_id,
        dates.policy_version,
        conditions.rule,
        count(*) as condition_count,
        {{ dbt.listagg("facts.feature || ' ' || round(facts.feature_value, 2)", "'; '", "order by facts.feature") }}
            as evidence
    from facts
    inner join dates
        on facts.as_of_date = dates.as_of_date
    inner join conditions
        on
            dates.policy_version = conditions.policy_version
            and facts.feature = conditions.feature
    where {{ policy_condition('facts.feature_value', 'conditions.comparator', 'conditions.threshold') }}
    group by facts.as_of_date, facts.customer_id, dates.policy_version, conditions.rule

),

warnings as (

    select
        met.as_of_date,
        met.customer_id,
        met.rule,
        rules.level,
        met.evidence,
        rules.measure,
        rules.department,
        cast({{ dbt.dateadd('day', 'rules.deadline_days', 'met.as_of_date') }} as date) as deadline,
        met.policy_version
    from met
    inner join conditions_to_meet
        on
            met.policy_version = conditions_to_meet.policy_version
            and met.rule = conditions_to_meet.rule
            and met.condition_count = conditions_to_meet.condition_count
    inner join rules
        on
            met.policy_version = rules.policy_version
            and met.rule = rules.rule

)

select * from warnings

{#- One select for each rule of the policy then in force, written from the policy tables. -#}
{%- set rules = policy_table('warning_rules', 'rule') %}
{%- set conditions = policy_table('warning_conditions', 'rule, feature') %}
{%- set known_features = features() + ['days_to_next_due', 'grade_rank', 'grade_steps_down'] %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

grade_changes as (

    select * from {{ ref('grade_change') }}

),

customer_features as (

    select * from {{ ref('customer_feature') }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

facts as (

    select
        dates.as_of_date,
        dates.policy_version,
        grade_changes.customer_id,
        {%- for feature in features() %}
        customer_features.{{ feature }},
        {%- endfor %}
        {{ dbt.datediff('dates.as_of_date', 'customer_features.next_due_on', 'day') }} as days_to_next_due,
        grade_changes.grade_rank,
        grade_changes.grade_steps_down
    from grade_changes
    cross join dates
    inner join customer_features
        on grade_changes.customer_id = customer_features.customer_id

),

met as (
    {% for rule in rules %}
    {%- set tests = [] %}
    {%- set evidence = [] %}
    {%- for one in conditions if one.policy_version == rule.policy_version and one.rule == rule.rule %}
    {%- if one.feature in known_features %}
    {%- do tests.append(one.feature ~ ' ' ~ one.comparator ~ ' ' ~ one.threshold) %}
    {%- do evidence.append("'" ~ one.feature ~ " ' || round(" ~ one.feature ~ ", 2)") %}
    {%- else %}
    {%- do tests.append('false') %}
    {%- do evidence.append("''") %}
    {%- endif %}
    {%- endfor %}
    select
        as_of_date,
        customer_id,
        policy_version,
        '{{ rule.rule }}' as rule,
        {{ evidence | join(" || '; ' || ") }} as evidence
    from facts
    where
        policy_version = '{{ rule.policy_version }}'
        and {{ tests | join('\n        and ') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- else %}
    select
        as_of_date,
        customer_id,
        policy_version,
        '' as rule,
        '' as evidence
    from facts
    where false
    {% endfor %}
),

warnings as (

    select
        met.customer_id,
        met.rule,
        rules.level,
        met.evidence,
        rules.measure,
        rules.department,
        cast({{ dbt.dateadd('day', 'rules.deadline_days', 'met.as_of_date') }} as date) as deadline,
        met.policy_version
    from met
    inner join rules
        on
            met.policy_version = rules.policy_version
            and met.rule = rules.rule

)

select * from warnings

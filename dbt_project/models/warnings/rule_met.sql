-- From which look at a customer until which later one a warning rule held, by the policy in force on the day.
{{
    config(
        materialized='incremental',
        keys_of='warning_scope',
        indexes=[{'columns': ['customer_id', 'rule', 'met_from'], 'unique': true}],
    )
}}

{#- One select for each rule, written from the policy tables. -#}
{%- set rules = policy_table('warning_rules', 'rule') %}
{%- set conditions = policy_table('warning_conditions', 'rule, feature') %}
{%- set known_features = features() + warning_facts() %}
with

scope as (

    select * from {{ ref('warning_scope') }}

),

facts as (

    select * from {{ ref('warning_fact') }}

),

looks as (

    select
        facts.*,
        lead(facts.as_of_date) over (
            partition by facts.customer_id
            order by facts.as_of_date
        ) as looked_at_next
    from scope
    inner join facts
        on scope.customer_id = facts.customer_id

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
    {%- if rule.not_for %}
    {%- do tests.append("segment not in ('" ~ (rule.not_for.split('|') | join("', '")) ~ "')") %}
    {%- endif %}
    select
        customer_id,
        '{{ rule.rule }}' as rule,
        policy_version,
        {{ evidence | join(" || '; ' || ") }} as evidence,
        as_of_date as met_from,
        looked_at_next as met_until
    from looks
    where
        policy_version = '{{ rule.policy_version }}'
        and {{ tests | join('\n        and ') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- else %}
    select
        customer_id,
        '' as rule,
        policy_version,
        '' as evidence,
        as_of_date as met_from,
        looked_at_next as met_until
    from looks
    where false
    {% endfor %}
)

select * from met

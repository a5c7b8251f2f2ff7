{% macro each_warning_rule(facts) -%}
    {#- Joins each row of facts with the warning rules that hold for it, as `met`: rule and evidence, written from the policy tables. -#}
    {%- set rules = policy_table('warning_rules', 'rule') -%}
    {%- set conditions = policy_table('warning_conditions', 'rule, feature') -%}
    {%- set known_features = features() + warning_facts() %}
    cross join lateral (
    {%- for rule in rules %}
    {%- set tests = [] %}
    {%- set evidence = [] %}
    {%- for one in conditions if one.policy_version == rule.policy_version and one.rule == rule.rule %}
    {%- if one.feature in known_features %}
    {%- do tests.append(facts ~ '.' ~ one.feature ~ ' ' ~ one.comparator ~ ' ' ~ one.threshold) %}
    {%- do evidence.append("'" ~ one.feature ~ " ' || cast(" ~ facts ~ "." ~ one.feature ~ " as numeric(18, 2))") %}
    {%- else %}
    {%- do tests.append('false') %}
    {%- do evidence.append("''") %}
    {%- endif %}
    {%- endfor %}
    {%- if rule.not_for %}
    {%- do tests.append(facts ~ ".segment not in ('" ~ (rule.not_for.split('|') | join("', '")) ~ "')") %}
    {%- endif %}
    select
        '{{ rule.rule }}' as rule,
        {{ evidence | join(" || '; ' || ") }} as evidence
    where
        {{ facts }}.policy_version = '{{ rule.policy_version }}'
        and {{ tests | join('\n            and ') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        '' as rule,
        '' as evidence
    where false
    {%- endfor %}
    ) as met
{%- endmacro %}

{% macro each_warning_rule(facts) -%}
    {#- Joins each row of facts with the warning rules that hold for it, as `met`: rule and evidence, written from the policy tables. -#}
    {%- set rules = policy_table('warning_rules', 'rule') -%}
    {%- set conditions = policy_table('warning_conditions', 'rule, feature') -%}
    {%- set known_features = features() + warning_facts() %}
    {%- set written = [] %}
    {%- for rule in rules %}
    {%- set tests = [facts ~ ".policy_version = '" ~ rule.policy_version ~ "'"] %}
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
    {%- do written.append({'rule': rule.rule, 'tests': tests, 'evidence': evidence | join(" || '; ' || ")}) %}
    {%- endfor %}
    {{ return(adapter.dispatch('each_rule_met', 'gridcredit')(written)) }}
{%- endmacro %}

{% macro default__each_rule_met(rules) -%}
    cross join lateral (
    {%- for one in rules %}
    select
        '{{ one.rule }}' as rule,
        {{ one.evidence }} as evidence
    where
        {{ one.tests | join('\n            and ') }}
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

{% macro spark__each_rule_met(rules) -%}
    {#- Spark would read the facts once for each of them. -#}
    cross join lateral inline(
        array_compact(
            array(
                {%- for one in rules %}
                case
                    when {{ one.tests | join(' and ') }}
                        then struct('{{ one.rule }}' as rule, {{ one.evidence }} as evidence)
                end{{ ',' if not loop.last }}
                {%- else %}
                case when false then struct('' as rule, '' as evidence) end
                {%- endfor %}
            )
        )
    ) as met (rule, evidence)
{%- endmacro %}

{% macro over_scenarios(default_rate) -%}
    {#- The share that defaults over all that may come: each scenario's, 1 at most, weighted by its probability. -#}
    {%- set versions = {} -%}
    {%- for row in policy_table('policies', 'effective_from') -%}
        {%- do versions.update({row.policy_version: default_rate}) -%}
    {%- endfor -%}
    {%- for version, rows in policy_table('loss_scenarios', 'scenario') | groupby('policy_version') -%}
        {%- set parts = [] -%}
        {%- for row in rows -%}
            {%- do parts.append(row.probability ~ ' * least(' ~ default_rate ~ ' * ' ~ row.default_factor ~ ', 1)') -%}
        {%- endfor -%}
        {%- do versions.update({version: '(' ~ parts | join(' + ') ~ ')'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

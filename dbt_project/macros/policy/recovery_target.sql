{% macro recovery_target(days) -%}
    {#- The share of a month's debts that is to be recovered after so many days; null where the policy sets none. -#}
    {%- set versions = {} -%}
    {%- for row in policy_table('recovery_targets', 'days') if row.days == days -%}
        {%- do versions.update({row.policy_version: row.recovered_rate}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro policy_in_force() -%}
    {#- The version of the policy in use that is in force on the last day. -#}
    {%- set versions = policy_rows(
        "select policy_version from " ~ source('policy', 'policies') ~ " where policy_name = '" ~ var('policy_name')
        ~ "' and effective_from <= '" ~ (as_of_dates() | last) ~ "' order by effective_from"
    ) | map(attribute='policy_version') | list -%}
    {{ return(versions | last if versions else '') }}
{%- endmacro %}

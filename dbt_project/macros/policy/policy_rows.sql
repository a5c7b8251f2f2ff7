{% macro policy_rows(query) -%}
    {#- What a query of the policy tables gives while the models are compiled, a dictionary a row: asked once a build. -#}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {#- Of what dbt shows to all models, this and `not_null_columns` alone are ours. -#}
    {%- set known = graph.setdefault('policy_rows', {}) -%}
    {%- if query not in known -%}
        {%- do known.update({query: run_query(query).rows}) -%}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for row in known[query] -%}
        {%- do rows.append(row.dict()) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{% macro policy_table(table, order_by) -%}
    {#- The rows of a policy table for the policy that is in use, of all its versions. -#}
    {{ return(policy_rows(
        "select rows.* from " ~ source('policy', table) ~ " as rows inner join " ~ source('policy', 'policies')
        ~ " as policies on rows.policy_version = policies.policy_version where policies.policy_name = '"
        ~ var('policy_name') ~ "' order by rows.policy_version, " ~ order_by
    )) }}
{%- endmacro %}

{% macro by_version(versions) -%}
    {#- An expression for each policy version, of which a row takes that of its own version. -#}
    {%- if versions -%}
    case policy_version
        {%- for version, expression in versions.items() %}
        when '{{ version }}' then {{ expression }}
        {%- endfor %}
    end
    {%- else -%}
    null
    {%- endif -%}
{%- endmacro %}

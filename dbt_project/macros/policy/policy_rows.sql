{% macro policy_rows(query) -%}
    {#- What a query of the policy tables gives while the models are compiled, a dictionary a row. -#}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return(adapter.dispatch('query_rows', 'gridcredit')(query)) }}
{%- endmacro %}

{% macro default__query_rows(query) -%}
    {%- set rows = [] -%}
    {%- for row in run_query(query).rows -%}
        {%- do rows.append(row.dict()) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{% macro spark__query_rows(query) -%}
    {#- Each query is a job of Spark, and hundreds would be the same: what they gave is stored in a variable, for this build. -#}
    {%- set found = var('found') -%}
    {%- if query not in found -%}
        {%- do found.update({query: default__query_rows(query)}) -%}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for row in found[query] -%}
        {%- do rows.append(dict(row)) -%}
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

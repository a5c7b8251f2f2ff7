{% macro analyze_relation(relation) -%}
    {#- A table just made has no statistics, and the planner would guess. -#}
    {{ return(adapter.dispatch('analyze_relation', 'gridcredit')(relation)) }}
{%- endmacro %}

{% macro default__analyze_relation(relation) -%}
{%- endmacro %}

{% macro postgres__analyze_relation(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

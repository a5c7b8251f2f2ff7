{% macro analyze_relation(relation) -%}
    {#- A table just made has no statistics, and the planner would guess; one that changed a little keeps what it has. -#}
    {%- if not is_incremental() -%}
    {{ return(adapter.dispatch('analyze_relation', 'gridcredit')(relation)) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__analyze_relation(relation) -%}
{%- endmacro %}

{% macro postgres__analyze_relation(relation) -%}
    {%- if model.config.materialized != 'view' -%}
    analyze {{ relation }}
    {%- endif -%}
{%- endmacro %}

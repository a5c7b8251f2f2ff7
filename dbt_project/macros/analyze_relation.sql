{% macro analyze_new_table() -%}
    {#- A new table has no statistics, and the planner would guess; the statistics of one that changed a little stay good enough. -#}
    {%- if not is_incremental() and model.config.materialized != 'view' -%}
    {{ return(analyze_relation(this)) }}
    {%- endif -%}
{%- endmacro %}

{% macro analyze_relation(relation) -%}
    {{ return(adapter.dispatch('analyze_relation', 'gridcredit')(relation)) }}
{%- endmacro %}

{% macro default__analyze_relation(relation) -%}
{%- endmacro %}

{% macro postgres__analyze_relation(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

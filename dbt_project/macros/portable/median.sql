{% macro median(value) -%}
    {#- The median of an expression over a group, between two values in the middle their mean. -#}
    {{ return(adapter.dispatch('median', 'gridcredit')(value)) }}
{%- endmacro %}

{% macro default__median(value) -%}
    {{ no_dialect('median') }}
{%- endmacro %}

{% macro postgres__median(value) -%}
    cast(percentile_cont(0.5) within group (order by {{ value }}) as numeric)
{%- endmacro %}

{% macro duckdb__median(value) -%}
    quantile_cont(cast({{ value }} as double), 0.5)
{%- endmacro %}

{% macro spark__median(value) -%}
    percentile(cast({{ value }} as double), 0.5)
{%- endmacro %}

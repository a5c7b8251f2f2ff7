{% macro days_after(earlier, later) -%}
    {#- Days from one date to a later one, 0 where it is not later. -#}
    greatest({{ dbt.datediff(earlier, later, 'day') }}, 0)
{%- endmacro %}

{% macro collected_share(collected, amount) -%}
    {#- What was collected of an amount, as a share; none of nothing. -#}
    cast({{ rounded_ratio(collected, amount, 4) }} as numeric(10, 4))
{%- endmacro %}

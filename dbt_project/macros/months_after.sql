{% macro months_after(start, end) -%}
    {#- Calendar months from a date's month to another's; the same all through a month. -#}
    cast({{ dbt.datediff(start, end, 'month') }} as integer)
{%- endmacro %}

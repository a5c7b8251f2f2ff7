{% macro place(with_names=false) -%}
    {#- Where the `customers` of a figure belong: region, unit and segment, or unknown; for a select with the names of the columns. -#}
    {%- for column in ['region', 'org_unit', 'segment'] -%}
    coalesce(customers.{{ column }}, 'unknown'){{ ' as ' ~ column if with_names }}
    {%- if not loop.last %},
        {% endif %}
    {%- endfor %}
{%- endmacro %}

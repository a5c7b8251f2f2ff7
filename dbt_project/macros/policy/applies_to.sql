{% macro applies_to(not_for, segment) -%}
    {#- Whether an indicator applies to a segment: `not_for` lists those it leaves out, with bars between. -#}
    '|' || coalesce({{ not_for }}, '') || '|' not like '%|' || {{ segment }} || '|%'
{%- endmacro %}

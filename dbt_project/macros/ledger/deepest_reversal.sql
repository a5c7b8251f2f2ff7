{% macro deepest_reversal() -%}
    {#- How many reversals may follow each other in a chain; what lies deeper has no effect, and is reported. -#}
    10
{%- endmacro %}

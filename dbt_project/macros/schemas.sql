{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A layer's schema is named for the layer, whatever the target. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}

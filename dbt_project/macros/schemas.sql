{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A layer's schema is named for the layer, whatever the target; what is made on trial has a prefix. -#}
    {{ var('schema_prefix') }}{{ custom_schema_name or target.schema }}
{%- endmacro %}

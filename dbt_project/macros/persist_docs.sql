{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {#- A table that an incremental run changes has its comments already. -#}
    {%- if not is_incremental() -%}
    {{ return(default__persist_docs(relation, model, for_relation, for_columns)) }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {#- In one statement, and for new tables alone: dbt's own asks twice for the columns of each, each time it is built. -#}
    {%- if not is_incremental() -%}
    {%- call statement('comments') -%}
    {{ alter_relation_comment(relation, model.description) }}
    {%- for name, column in model.columns.items() %}
    comment on column {{ relation }}.{{ name }} is {{ postgres_escape_comment(column.description) }};
    {%- endfor %}
    {%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__get_table_columns_and_constraints() -%}
    {#- Foreign keys are declared for whoever joins published tables, not enforced: candidate tables are dropped one by one (docs/decisions/0044). -#}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- set enforced = model['constraints'] | rejectattr('type', 'equalto', 'foreign_key') | list -%}
    {%- set constraints = adapter.render_raw_model_constraints(raw_constraints=enforced) -%}
    (
        {{ (columns + constraints) | join(',\n        ') }}
    )
{%- endmacro %}

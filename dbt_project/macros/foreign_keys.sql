{% macro default__get_table_columns_and_constraints() -%}
    {#- Foreign keys are declared for whoever joins published tables, not held: candidate tables are dropped one by one (docs/decisions/0044). -#}
    {%- set columns = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- set held = model['constraints'] | rejectattr('type', 'equalto', 'foreign_key') | list -%}
    {%- set constraints = adapter.render_raw_model_constraints(raw_constraints=held) -%}
    (
        {{ (columns + constraints) | join(',\n        ') }}
    )
{%- endmacro %}

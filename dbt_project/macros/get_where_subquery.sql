{% macro get_where_subquery(relation) -%}
    {#- A test of an incremental model looks at the rows that this run wrote; a build of everything looks at everything. -#}
    {%- set config_where = config.get('where', '') -%}
    {%- set conditions = [config_where] if config_where else [] -%}
    {%- if model.test_metadata.name == 'key_is_enforced' -%}
        {#- It looks at the table itself, not at its rows. #}
    {%- elif is_narrow() and relation.schema == 'staging' -%}
        {%- do conditions.append('_file_id in (' ~ (var('new_files') or [-1]) | join(', ') ~ ')') -%}
    {%- elif is_narrow() and relation.identifier in ('bill_ledger', 'payment_ledger') -%}
        {%- do conditions.append('customer_id in (select customer_id from ops.changed_customer)') -%}
    {%- elif
        is_narrow()
        and (relation.schema in ('features', 'ratings') or relation.identifier.startswith(('bill_state', 'open_bill', 'loose', 'customer_event')))
    -%}
        {%- set scope = 'month_end_scope' if relation.identifier.endswith('_at_month_end') else 'customer_scope' -%}
        {%- do conditions.append('customer_id in (select customer_id from archive.' ~ scope ~ ')') -%}
    {%- endif -%}
    {%- if conditions -%}
        (select * from {{ relation }} where {{ conditions | join(' and ') }}) as dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {#-
        Incremental strategy `replace_keys`: the rows of the keys that this run answers for go, those just computed come.
        Rows that are no more leave too, which a merge by unique key would miss. `keys_of` says which keys: an extract of
        raw, `changed_customer`, or one of the scopes.
    -#}
    {%- set keys_of = config.require('keys_of') -%}
    {%- if keys_of == 'changed_customer' -%}
        {%- set keys = ['customer_id'] -%}
        {%- set relation = source('ops', 'changed_customer') -%}
    {%- elif keys_of == 'customer_scope' -%}
        {%- set keys = ['customer_id'] -%}
        {%- set relation = ref('customer_scope') -%}
    {%- elif keys_of == 'touched_date' -%}
        {%- set keys = ['as_of_date'] -%}
        {%- set relation = ref('touched_date') -%}
    {%- elif keys_of == 'month_end_scope' -%}
        {%- set keys = ['as_of_date', 'customer_id'] -%}
        {%- set relation = ref('month_end_scope') -%}
    {%- else -%}
        {%- set keys = [config.require('key')] -%}
        {%- set relation = changed_keys(keys_of) -%}
    {%- endif -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where ({{ keys | join(', ') }}) in (select {{ keys | join(', ') }} from {{ relation }});

    {%- if keys_of in ('month_end_scope', 'touched_date') and var('dropped_dates') %}
    delete from {{ arg_dict['target_relation'] }}
    where as_of_date in ({{ date_list(var('dropped_dates')) }});
    {%- endif %}

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{% macro date_list(days) -%}
    {%- for day in days -%}
    cast('{{ day }}' as date){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

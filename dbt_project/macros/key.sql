{% macro enforce_key_of_new_table() -%}
    {#- On a new table, set not null on the columns of its key, and on those that its tests call not_null. -#}
    {%- if execute and not is_incremental() and model.config.materialized != 'view' -%}
    {%- set columns = key_of_new_table().not_null -%}
    {%- if columns -%}
    {{ return(adapter.dispatch('set_not_null', 'gridcredit')(this, columns)) }}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro key_of_new_table() -%}
    {#- The columns of a model's key, and all of its columns that are never null. -#}
    {%- set key = config.get('indexes', []) | selectattr('unique', 'defined') | map(attribute='columns') | first | default([], true) -%}
    {{ return({'columns': key, 'not_null': (key + not_null_columns().get(model.unique_id, [])) | unique | list}) }}
{%- endmacro %}

{% macro not_null_columns() -%}
    {#- The columns that not_null tests name, by model: read of all nodes once a build. -#}
    {%- if 'not_null_columns' not in graph -%}
        {%- set found = {} -%}
        {%- for test in graph.nodes.values() if (test.test_metadata or {}).name == 'not_null' -%}
            {%- do found.setdefault(test.attached_node, []).append(test.column_name) -%}
        {%- endfor -%}
        {#- Set when it is whole: other threads read it. -#}
        {%- do graph.update({'not_null_columns': found}) -%}
    {%- endif -%}
    {{ return(graph['not_null_columns']) }}
{%- endmacro %}

{% macro default__set_not_null(relation, columns) -%}
{%- endmacro %}

{% macro postgres__set_not_null(relation, columns) -%}
    alter table {{ relation }}
    {%- for column in columns %}
    alter column {{ column }} set not null{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro duckdb__set_not_null(relation, columns) -%}
    {#- An index that refuses a second row of a key would cost more than the table: the key is checked once, here. -#}
    {%- set key = key_of_new_table().columns -%}
    {%- for column in columns %}
    alter table {{ relation }} alter column {{ column }} set not null;
    {%- endfor %}
    {%- if key %}
    select error('{{ relation.identifier }} has a row whose key is null, or two of one key: ' || key_not_enforced)
    from ({{ default__missing_key(relation, key) }}) as broken
    {%- endif %}
{%- endmacro %}

{% macro missing_key(relation, columns) -%}
    {#- Rows where nothing enforces the key of a table: that it is unique, and there. -#}
    {{ return(adapter.dispatch('missing_key', 'gridcredit')(relation, columns)) }}
{%- endmacro %}

{% macro default__missing_key(relation, columns) -%}
select '{{ columns | join(", ") }}' as key_not_enforced
from {{ relation }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    or {{ columns | join(' is null or ') }} is null
{%- endmacro %}

{% macro postgres__missing_key(relation, columns) -%}
select '{{ columns | join(", ") }}' as key_not_enforced
where not exists (
    select 1
    from pg_index
    where
        indrelid = cast('{{ relation }}' as regclass)
        and indisunique
        and (
            select array_agg(cast(attname as text) order by attname)
            from pg_attribute
            where
                attrelid = indrelid
                and attnum = any(indkey)
        ) = array['{{ columns | sort | join("', '") }}']
)
or exists (
    select 1
    from pg_attribute
    where
        attrelid = cast('{{ relation }}' as regclass)
        and attname in ('{{ columns | join("', '") }}')
        and not attnotnull
)
{%- endmacro %}

{% macro hold_key_when_new() -%}
    {#- Of a table just made: no column of its key may be null from now on. -#}
    {%- set unique_index = config.get('indexes', []) | selectattr('unique', 'defined') | first -%}
    {%- if unique_index and not is_incremental() and model.config.materialized != 'view' -%}
    {{ return(adapter.dispatch('hold_key', 'gridcredit')(this, unique_index.columns)) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__hold_key(relation, columns) -%}
{%- endmacro %}

{% macro postgres__hold_key(relation, columns) -%}
    alter table {{ relation }}
    {%- for column in columns %}
    alter column {{ column }} set not null{{ ',' if not loop.last }}
    {%- endfor %}
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

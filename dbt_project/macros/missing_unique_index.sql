{% macro missing_unique_index(relation, columns) -%}
    {#- One row where nothing enforces the key of a table. -#}
    {{ return(adapter.dispatch('missing_unique_index', 'gridcredit')(relation, columns)) }}
{%- endmacro %}

{% macro default__missing_unique_index(relation, columns) -%}
select '{{ columns | join(", ") }}' as key_without_index
from {{ relation }}
group by {{ columns | join(', ') }}
having count(*) > 1
{%- endmacro %}

{% macro postgres__missing_unique_index(relation, columns) -%}
select '{{ columns | join(", ") }}' as key_without_index
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
{%- endmacro %}

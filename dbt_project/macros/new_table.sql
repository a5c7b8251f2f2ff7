{#- DuckDB builds in a file that is new each time, so a table needs no other name first, and has no rows to keep. -#}

{% materialization table, adapter='duckdb' -%}
    {{ return(new_table()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='duckdb' -%}
    {{ return(new_table()) }}
{%- endmaterialization %}

{% macro new_table() -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, target, sql) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{%- endmacro %}

{#- DuckDB and Spark build where nobody reads, so a table needs no other name first, and has no rows to keep. -#}

{% materialization table, adapter='duckdb' -%}
    {{ return(new_table()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='duckdb' -%}
    {{ return(new_table()) }}
{%- endmaterialization %}

{% macro new_table() -%}
    {%- set target = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {#- A policy that is tried is built after the one in force. -#}
    {%- do drop_if_exists(target) -%}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, target, sql) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{%- endmacro %}

{% materialization table, adapter='spark' -%}
    {{ return(new_spark_table()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='spark' -%}
    {{ return(new_spark_table()) }}
{%- endmaterialization %}

{% materialization view, adapter='spark' -%}
    {%- set target = this.incorporate(type='view') -%}
    {% call statement('main') -%}
        create or replace view {{ target }} as
        {{ sql }}
    {%- endcall %}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{% macro new_spark_table() -%}
    {#- A contract's columns in its order and types. Spark enforces no key: it is checked once, here. -#}
    {%- set target = this.incorporate(type='table') -%}
    {%- do drop_if_exists(target) -%}
    {% call statement('main') -%}
        {{ create_spark_table(target) }} as
        {%- if config.get('contract').enforced %}
        select
            {%- for column in model.columns.values() %}
            {%- set type = dbt.type_string() if column.data_type in ('text', 'jsonb') else column.data_type %}
            cast({{ column.name }} as {{ type }}) as {{ column.name }}
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            {{ sql }}
        ) as model
        {%- else %}
        {{ sql }}
        {%- endif %}
    {%- endcall %}
    {%- set key = key_of_new_table() -%}
    {%- set conditions = [] -%}
    {%- for column in key.not_null -%}
        {%- do conditions.append(column ~ ' is null') -%}
    {%- endfor -%}
    {%- set broken = [] -%}
    {%- if key.columns -%}
        {%- do broken.append('select 1 as broken from (' ~ default__missing_key(target, key.columns) ~ ')') -%}
    {%- endif -%}
    {%- if conditions -%}
        {%- do broken.append('select 1 as broken from ' ~ target ~ ' where ' ~ conditions | join(' or ')) -%}
    {%- endif -%}
    {%- if broken and run_query(broken | join(' union all ') ~ ' limit 1').rows -%}
        {{ exceptions.raise_compiler_error(
            target.identifier ~ ' has a row whose key is null, or two of one key: ' ~ key.columns | join(', ')
        ) }}
    {%- endif -%}
    {{ return({'relations': [target]}) }}
{%- endmacro %}

{% macro drop_if_exists(relation) -%}
    {#- Asks no cache, as dbt's own would: a cluster may remember the tables of a build that was killed. -#}
    {%- do run_query('drop table if exists ' ~ relation) -%}
{%- endmacro %}

{% macro create_spark_table(relation) -%}
    {#- In the build's own folder, also where the session is another machine's. -#}
    create table {{ relation }} using parquet
    location '{{ env_var("GRIDCREDIT_SPARK_TABLES") }}/{{ relation.schema }}/{{ relation.identifier }}'
{%- endmacro %}

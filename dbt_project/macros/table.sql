{% materialization table, adapter='postgres' -%}
    {#- As dbt's own, which makes another table and renames both: what one transaction drops and makes, others see at its end. -#}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {%- if existing %}
        {%- do adapter.cache_dropped(existing) %}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {%- endif %}
        {{ get_create_table_as_sql(False, target, sql) }}
    {%- endcall %}
    {% do create_indexes(target) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

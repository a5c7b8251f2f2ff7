{% materialization table, adapter='postgres' -%}
    {#- As dbt's own, which renames the old table too, and drops it after: one transaction shows others the old or the new. -#}
    {#- An incremental build finds the columns as they are now, so it fills the table that stands. -#}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- if existing and existing.is_table and is_incremental_build() -%}
        {% call statement('main') -%}
            truncate {{ target }};
            insert into {{ target }}
            {#- A contract states the columns in an order of its own, in which the table has them. #}
            {{ get_select_subquery(sql) if config.get('contract').enforced else sql }}
        {%- endcall %}
        {% call statement('statistics') -%}
            {{ analyze_relation(target) }}
        {%- endcall %}
        {% do adapter.commit() %}
        {{ return({'relations': [target]}) }}
    {%- endif -%}
    {%- set made = make_intermediate_relation(target) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% call statement('main') -%}
        {{ get_create_table_as_sql(False, made, sql) }}
    {%- endcall %}
    {% do create_indexes(made) %}
    {% call statement('put_in_place') -%}
        {%- if existing %}
        {%- do adapter.cache_dropped(existing) %}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {%- endif %}
        alter table {{ made }} rename to {{ target.identifier }};
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

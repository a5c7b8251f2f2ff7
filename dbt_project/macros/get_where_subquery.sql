{% macro get_where_subquery(relation) -%}
    {#- A test of a model that says `keys_of` reads the keys that this run covers; a full refresh reads all rows. -#}
    {%- set config_where = config.get('where', '') -%}
    {%- set conditions = [config_where] if config_where else [] -%}
    {%- if execute and is_incremental_build() and model.test_metadata.name != 'key_is_enforced' -%}
        {%- do conditions.append(answered_for(relation)) -%}
    {%- endif -%}
    {%- set conditions = conditions | select | list -%}
    {%- if conditions -%}
        (select * from {{ relation }} where {{ conditions | join(' and ') }}) as dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}

{% macro answered_for(relation) -%}
    {#- A condition for the rows of a model that an incremental run covers; none where it rebuilds the whole. -#}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == relation.identifier and node.config.keys_of -%}
        {%- set scope = scope_of(node.config.keys_of, relation) -%}
        {%- if scope -%}
    ({{ scope.columns | join(', ') }}) in (select {{ scope.columns | join(', ') }} from {{ scope.relation }})
        {%- else -%}
    ({{ node.config.key }}) in (
        select {{ node.config.key }} from raw.{{ node.config.keys_of }}
        where _file_id in ({{ new_files() }})
    )
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

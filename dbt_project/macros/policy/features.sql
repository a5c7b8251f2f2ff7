{% macro features() -%}
    {#- The features that policies may use, attributes too: columns of features.customer_feature. -#}
    {{ return((var('features') | list) + (attribute_features() | list)) }}
{%- endmacro %}

{% macro indicators() -%}
    {#- The features that some version of the policy gives points for. -#}
    {%- set binned = policy_table('bins', 'indicator') | map(attribute='indicator') | unique | list -%}
    {{ return(features() | select('in', binned) | list) }}
{%- endmacro %}

{% macro each_indicator(relation) -%}
    {#- Joins a relation's indicators to it one by one, as `one.indicator` and `one.indicator_value`. -#}
    {{ return(adapter.dispatch('each_indicator', 'gridcredit')(relation)) }}
{%- endmacro %}

{% macro spark__each_indicator(relation) -%}
    {#- Spark would read the relation once for each of them. -#}
    cross join lateral inline(
        array(
            {%- for indicator in indicators() or features() %}
            struct('{{ indicator }}', {{ exact(relation ~ '.' ~ indicator) }}){{ ',' if not loop.last }}
            {%- endfor %}
        )
    ) as one (indicator, indicator_value)
{%- endmacro %}

{% macro default__each_indicator(relation) -%}
    cross join lateral (
        {%- for indicator in indicators() or features() %}
        select
            '{{ indicator }}' as indicator,
            {{ exact(relation ~ '.' ~ indicator) }} as indicator_value
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as one
{%- endmacro %}

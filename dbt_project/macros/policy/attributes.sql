{#- Features of the attributes that policies/attributes.yml declares, as the warehouse knows them. -#}

{% macro attribute_features() -%}
    {#-
        By name of the feature the attribute that it is made of, its type, and the code that it is about. What is
        declared no more is still a feature, of what was delivered before, while some version of a policy names it.
    -#}
    {%- set found, named = {}, [] -%}
    {%- for table, column in feature_tables().items() -%}
        {%- do named.append('select ' ~ column ~ ' as feature from ' ~ source('policy', table)) -%}
    {%- endfor -%}
    {%- set known = "select name, type, codes from " ~ source('policy', 'attributes') ~ " where is_declared or exists ("
        ~ "select 1 from (" ~ named | join(' union all ')
        ~ ") as named where substr(feature, 1, 10 + length(name)) = 'attribute_' || name) order by is_declared, name" -%}
    {%- for row in policy_rows(known) -%}
        {%- if row.type == 'code' -%}
            {%- for code in row.codes.split('|') -%}
                {%- set definition = {'attribute': row.name, 'type': row.type, 'code': code} -%}
                {%- do found.update({'attribute_' ~ row.name ~ '_' ~ code: definition}) -%}
            {%- endfor -%}
        {%- elif row.type in ('boolean', 'number') -%}
            {%- do found.update({'attribute_' ~ row.name: {'attribute': row.name, 'type': row.type}}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro feature_tables() -%}
    {#- The policy tables whose rows name features, and in which column. -#}
    {{ return({
        'indicators': 'indicator',
        'bins': 'indicator',
        'warning_conditions': 'feature',
        'review_rules': 'feature',
        'vetoes': 'feature',
        'advice_rules': 'feature',
        'dunning_holds': 'feature',
    }) }}
{%- endmacro %}

{% macro attribute_feature(definition, name, value) -%}
    {#- One feature as an aggregate over a customer's values that stand: 1 or 0, but for numbers; null where none stands. -#}
    max(
            case
                when {{ name }} = '{{ definition.attribute }}' and {{ value }} is not null
                    then
                    {%- if definition.type == 'number' %} cast({{ value }} as numeric(18, 4))
                    {%- else %} case when {{ value }} = '{{ definition.code or 'true' }}' then 1 else 0 end
                    {%- endif %}
            end
        )
{%- endmacro %}

{% macro attributes_used_by(tables) -%}
    {#- The attributes that some version of the policy names in one of its tables. -#}
    {%- set known = attribute_features() -%}
    {%- set found = [] -%}
    {%- for table in tables -%}
        {%- set column = 'indicator' if table == 'bins' else 'feature' -%}
        {%- for row in policy_table(table, column) if row[column] in known -%}
            {%- do found.append(known[row[column]].attribute) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found | unique | sort) }}
{%- endmacro %}

{% macro is_attribute_of(tables) -%}
    {#- Whether the attribute `name` is one that the policy names in one of its tables. -#}
    {%- set names = attributes_used_by(tables) -%}
    {{ "name in ('" ~ names | join("', '") ~ "')" if names else 'false' }}
{%- endmacro %}

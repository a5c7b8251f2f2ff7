{#- Features that count a customer's events, written from the definitions in dbt_project.yml. -#}

{% macro event_features() -%}
    {#- The features that count events, by name. -#}
    {%- set found = {} -%}
    {%- for name, definition in var('features').items() if definition.events -%}
        {%- do found.update({name: definition}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro counts_event(definition, events, as_of_date) -%}
    {#- Whether a feature counts an event of a relation: of its kinds, of its calendar months, still standing. -#}
    {%- set conditions = [events ~ ".kind in ('" ~ var('event_kinds')[definition.events] | join("', '") ~ "')"] -%}
    {%- if definition.months -%}
        {%- do conditions.append(months_after(events ~ '.happened_on', as_of_date) ~ ' < ' ~ definition.months) -%}
    {%- endif -%}
    {%- if definition.stand -%}
        {%- do conditions.append('(' ~ events ~ '.ended_on is null or ' ~ events ~ '.ended_on > ' ~ as_of_date ~ ')') -%}
    {%- endif -%}
    {{ conditions | join(' and ') }}
{%- endmacro %}

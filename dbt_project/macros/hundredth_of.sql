{% macro hundredth_of(text) -%}
    {#- One of the numbers 0 to 99, always the same for the same text, as likely as any other. -#}
    {{ return(adapter.dispatch('hundredth_of', 'gridcredit')(text)) }}
{%- endmacro %}

{% macro default__hundredth_of(text) -%}
    mod(conv(substr({{ dbt.hash(text) }}, 1, 7), 16, 10), 100)
{%- endmacro %}

{% macro postgres__hundredth_of(text) -%}
    mod(cast(cast('x' || substr({{ dbt.hash(text) }}, 1, 7) as bit(28)) as integer), 100)
{%- endmacro %}

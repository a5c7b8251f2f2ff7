{% macro hundredth_of(text) -%}
    {#- One of the numbers 0 to 99, always the same for the same text, as likely as any other. -#}
    {{ return(drawn_of(text, 100)) }}
{%- endmacro %}

{% macro drawn_of(text, numbers) -%}
    {#- One of so many whole numbers from 0 on, always the same for the same text on every engine, as likely as any other. -#}
    {{ return(adapter.dispatch('drawn_of', 'gridcredit')(text, numbers)) }}
{%- endmacro %}

{% macro default__drawn_of(text, numbers) -%}
    {{ no_dialect('drawn_of') }}
{%- endmacro %}

{% macro postgres__drawn_of(text, numbers) -%}
    mod(cast(cast('x' || substr({{ dbt.hash(text) }}, 1, 7) as bit(28)) as integer), {{ numbers }})
{%- endmacro %}

{% macro duckdb__drawn_of(text, numbers) -%}
    mod(cast('0x' || substr({{ dbt.hash(text) }}, 1, 7) as integer), {{ numbers }})
{%- endmacro %}

{% macro spark__drawn_of(text, numbers) -%}
    mod(cast(conv(substr({{ dbt.hash(text) }}, 1, 7), 16, 10) as integer), {{ numbers }})
{%- endmacro %}

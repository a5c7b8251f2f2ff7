{% macro exact(value) -%}
    {#- A number as a decimal of any size; to twelve places where a database has no decimal without a stated scale. -#}
    {{ return(adapter.dispatch('exact', 'gridcredit')(value)) }}
{%- endmacro %}

{% macro default__exact(value) -%}
    {{ no_dialect('exact') }}
{%- endmacro %}

{% macro postgres__exact(value) -%}
    cast({{ value }} as numeric)
{%- endmacro %}

{% macro duckdb__exact(value) -%}
    cast({{ value }} as decimal(38, 12))
{%- endmacro %}

{% macro product() -%}
    {#- The product of its arguments, exact: two decimals of 18 digits may make one of 36. -#}
    {{ return(adapter.dispatch('product', 'gridcredit')(varargs)) }}
{%- endmacro %}

{% macro default__product(factors) -%}
    {{ no_dialect('product') }}
{%- endmacro %}

{% macro postgres__product(factors) -%}
    {{ return('(' ~ factors | join(' * ') ~ ')') }}
{%- endmacro %}

{% macro duckdb__product(factors) -%}
    {#- A product has the width of its factors: the first makes it as wide as can be. -#}
    {{ return('(cast(1 as decimal(38, 0)) * ' ~ factors | join(' * ') ~ ')') }}
{%- endmacro %}

{% macro spark__exact(value) -%}
    cast({{ value }} as decimal(38, 12))
{%- endmacro %}

{% macro spark__product(factors) -%}
    {#- As on DuckDB: Spark would cut the places of a product that might have more digits than there are. -#}
    {{ return('(cast(1 as decimal(38, 0)) * ' ~ factors | join(' * ') ~ ')') }}
{%- endmacro %}

{#- Quotients of exact numbers. Postgres divides decimals to sixteen digits or more; DuckDB has no division but that of doubles. -#}

{% macro ratio(part, whole) -%}
    {#- A part over a whole, to at least fifteen digits: for what is calculated on. Null where the whole is 0. -#}
    {{ return(adapter.dispatch('ratio', 'gridcredit')(part, whole)) }}
{%- endmacro %}

{% macro default__ratio(part, whole) -%}
    {{ no_dialect('ratio') }}
{%- endmacro %}

{% macro postgres__ratio(part, whole) -%}
    {{ return('cast(' ~ part ~ ' as numeric) / nullif(' ~ whole ~ ', 0)') }}
{%- endmacro %}

{% macro duckdb__ratio(part, whole) -%}
    {{ return('cast(' ~ part ~ ' as double) / nullif(cast(' ~ whole ~ ' as double), 0)') }}
{%- endmacro %}

{% macro rounded_ratio(part, whole, places) -%}
    {#- A part over a whole, rounded: exact, a half away from zero, on every engine. Null where the whole is 0. -#}
    {{ return(adapter.dispatch('rounded_ratio', 'gridcredit')(part, whole, places)) }}
{%- endmacro %}

{% macro default__rounded_ratio(part, whole, places) -%}
    {{ no_dialect('rounded_ratio') }}
{%- endmacro %}

{% macro postgres__rounded_ratio(part, whole, places) -%}
    {{ return('round(' ~ postgres__ratio(part, whole) ~ ', ' ~ places ~ ')') }}
{%- endmacro %}

{% macro duckdb__rounded_ratio(part, whole, places) -%}
    {#- In whole numbers of 128 bits, both as billionths: twice the part, and the whole once more, over twice the whole. -#}
    {%- set billionths = [] -%}
    {%- for value in (part, whole) -%}
        {%- do billionths.append('cast(cast(' ~ value ~ ' as decimal(38, 9)) * 1000000000 as hugeint)') -%}
    {%- endfor -%}
    {%- set part, whole = billionths -%}
    {%- set unit = '1' ~ '0' * places -%}
    {{ return(
        'cast((2 * ' ~ unit ~ ' * ' ~ part ~ ' + sign(' ~ part ~ ') * abs(' ~ whole ~ ')) // nullif(2 * ' ~ whole ~ ', 0) as decimal(38, 0))'
        ~ ' * cast(1.0 / ' ~ unit ~ ' as decimal(' ~ (places + 1) ~ ', ' ~ places ~ '))'
    ) }}
{%- endmacro %}

{% macro within(value, precision, scale) -%}
    {#- A ratio as a number of so many digits; null where it has more: what it is a ratio to is next to nothing. -#}
    cast(
            case when abs({{ value }}) < {{ '9' * (precision - scale) }} then {{ value }} end
            as numeric({{ precision }}, {{ scale }})
        )
{%- endmacro %}

{% macro rounded(value, places) -%}
    {#-
        A number that was calculated from ratios, rounded to six places more, and then to those asked for: what stands at a
        half but for the last digits of a division (0.0049999999999999999) is at the half, on every engine.
    -#}
    {{ return(adapter.dispatch('rounded', 'gridcredit')(value, places)) }}
{%- endmacro %}

{% macro default__rounded(value, places) -%}
    {{ no_dialect('rounded') }}
{%- endmacro %}

{% macro postgres__rounded(value, places) -%}
    {{ return('round(round(cast(' ~ value ~ ' as numeric), ' ~ (places + 6) ~ '), ' ~ places ~ ')') }}
{%- endmacro %}

{% macro duckdb__rounded(value, places) -%}
    {{ return('round(cast(' ~ value ~ ' as decimal(38, ' ~ (places + 6) ~ ')), ' ~ places ~ ')') }}
{%- endmacro %}

{% macro hypotenuse(one, other) -%}
    {#- The root of the sum of two squares. -#}
    {{ return(adapter.dispatch('hypotenuse', 'gridcredit')(one, other)) }}
{%- endmacro %}

{% macro default__hypotenuse(one, other) -%}
    {{ no_dialect('hypotenuse') }}
{%- endmacro %}

{% macro postgres__hypotenuse(one, other) -%}
    {{ return('sqrt(' ~ one ~ ' * ' ~ one ~ ' + ' ~ other ~ ' * ' ~ other ~ ')') }}
{%- endmacro %}

{% macro duckdb__hypotenuse(one, other) -%}
    {#- A square of a decimal may have more digits than there are. -#}
    {%- set one, other = 'cast(' ~ one ~ ' as double)', 'cast(' ~ other ~ ' as double)' -%}
    {{ return('sqrt(' ~ one ~ ' * ' ~ one ~ ' + ' ~ other ~ ' * ' ~ other ~ ')') }}
{%- endmacro %}

{% macro spark__ratio(part, whole) -%}
    {#- As on DuckDB: Spark divides decimals to as few as six places. -#}
    {{ return('cast(' ~ part ~ ' as double) / nullif(cast(' ~ whole ~ ' as double), 0)') }}
{%- endmacro %}

{% macro spark__rounded_ratio(part, whole, places) -%}
    {#- To 18 places first, as Spark divides such decimals: what is nearer to a half than that, and not at it, is taken for the half. -#}
    {{ return(
        'round(cast(' ~ part ~ ' as decimal(38, 9)) / nullif(cast(' ~ whole ~ ' as decimal(38, 9)), 0), ' ~ places ~ ')'
    ) }}
{%- endmacro %}

{% macro spark__rounded(value, places) -%}
    {{ return('round(cast(' ~ value ~ ' as decimal(38, ' ~ (places + 6) ~ ')), ' ~ places ~ ')') }}
{%- endmacro %}

{% macro spark__hypotenuse(one, other) -%}
    {{ return(duckdb__hypotenuse(one, other)) }}
{%- endmacro %}

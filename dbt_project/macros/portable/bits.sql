{#- Months and days as bits, counted without the sort of each group that a distinct count would need. #}

{% macro month_bit(date) -%}
    {#- The calendar month of a date as one bit of sixteen: months of up to sixteen in a row are distinguished. -#}
    1 << (cast(extract(year from {{ date }}) * 12 + extract(month from {{ date }}) as integer) % 16)
{%- endmacro %}

{% macro day_bit(date) -%}
    {#- The day of the month of a date as one bit: days of one month are distinguished. -#}
    1 << (cast(extract(day from {{ date }}) as integer) - 1)
{%- endmacro %}

{% macro count_bits(bits) -%}
    {#- How many months or days a group holds, 0 where it holds none. -#}
    {{ return(adapter.dispatch('count_bits', 'gridcredit')(bits)) }}
{%- endmacro %}

{% macro default__count_bits(bits) -%}
    {{ no_dialect('count_bits') }}
{%- endmacro %}

{% macro postgres__count_bits(bits) -%}
    coalesce(bit_count(cast(bit_or({{ bits }}) as bit(32))), 0)
{%- endmacro %}

{% macro duckdb__count_bits(bits) -%}
    coalesce(bit_count(bit_or({{ bits }})), 0)
{%- endmacro %}

{% macro spark__count_bits(bits) -%}
    coalesce(bit_count(bit_or({{ bits }})), 0)
{%- endmacro %}

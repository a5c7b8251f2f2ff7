{% macro month_bit(date) -%}
    {#- The calendar month of a date as one bit of sixteen: months of up to sixteen in a row are told apart. -#}
    1 << (cast(extract(year from {{ date }}) * 12 + extract(month from {{ date }}) as integer) % 16)
{%- endmacro %}

{% macro count_months(bits) -%}
    {#- How many months, as `month_bit` has them, a group holds: a distinct count would sort each group. -#}
    bit_count(cast(bit_or({{ bits }}) as bit(16)))
{%- endmacro %}

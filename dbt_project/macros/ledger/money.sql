{% macro money(amount) -%}
    {#- An amount of money, exact to the cent. -#}
    cast({{ amount }} as numeric(18, 2))
{%- endmacro %}

{% macro end_of_time() -%}
    {#- The day on which what lasts to this day ends. -#}
    cast('9999-12-31' as date)
{%- endmacro %}

{% macro day_after(day) -%}
    {#- The day after a day that is told as text. -#}
    {{ return((modules.datetime.date.fromisoformat(day) + modules.datetime.timedelta(days=1)).isoformat()) }}
{%- endmacro %}

{% macro is_month_end(day) -%}
    {{ return(day_after(day).endswith('-01')) }}
{%- endmacro %}

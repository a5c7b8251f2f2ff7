{% macro day_after(day) -%}
    {#- The day after a day that is told as text. -#}
    {{ return((modules.datetime.date.fromisoformat(day) + modules.datetime.timedelta(days=1)).isoformat()) }}
{%- endmacro %}

{% macro is_month_end(day) -%}
    {{ return(day_after(day).endswith('-01')) }}
{%- endmacro %}

{% macro is_running_month(day) -%}
    {#- Whether a date's month was not over on it: the next day is of the same month. -#}
    {{ dbt.date_trunc('month', day) }} = {{ dbt.date_trunc('month', dbt.dateadd('day', 1, day)) }}
{%- endmacro %}

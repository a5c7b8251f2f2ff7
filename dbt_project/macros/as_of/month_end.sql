{% macro day_after(day) -%}
    {#- The day after a day given as text. -#}
    {{ return((modules.datetime.date.fromisoformat(day) + modules.datetime.timedelta(days=1)).isoformat()) }}
{%- endmacro %}

{% macro is_month_end(day) -%}
    {{ return(day_after(day).endswith('-01')) }}
{%- endmacro %}

{% macro past_month_ends() -%}
    {#- The month-ends before the last day that a build covers, as constants: Postgres looks them up by its index. -#}
    {{ date_list(as_of_dates()[:-1] or ['0001-01-01']) }}
{%- endmacro %}

{% macro is_running_month(day) -%}
    {#- Whether a date's month was not over on it: the next day is of the same month. -#}
    {{ dbt.date_trunc('month', day) }} = {{ dbt.date_trunc('month', dbt.dateadd('day', 1, day)) }}
{%- endmacro %}

{% macro month_end_after(month_end, months) -%}
    {#- The last day of the month so many months after the one that ends on a day. -#}
    cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', months, dbt.dateadd('day', 1, month_end))) }} as date)
{%- endmacro %}

{% macro months_back(day, months) -%}
    {#-
        The day so many months before; of a month-end a month-end, so that windows side by side neither overlap nor leave
        a day out.
    -#}
    cast(
            case
                when {{ is_running_month(day) }} then {{ dbt.dateadd('month', -months, day) }}
                else {{ month_end_after(day, -months) }}
            end as date
        )
{%- endmacro %}

{% macro last_closed_month_end(dates) -%}
    {#- Of each of the dates the end of the last month that was over: its own, or the one before. -#}
    case
        when {{ is_running_month(dates ~ '.as_of_date') }} then {{ dates }}.previous_month_end
        else {{ dates }}.as_of_date
    end
{%- endmacro %}

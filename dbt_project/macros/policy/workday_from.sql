{% macro workday_from(day) -%}
    {#- The day itself, or where a version of the policy calls it a holiday the next day that is none. -#}
    {%- set holidays = policy_holidays() -%}
    {%- set moves = [] -%}
    {%- for holiday in holidays -%}
        {%- set next = namespace(day=holiday) -%}
        {%- for _ in holidays if next.day in holidays -%}
            {%- set next.day = next.day + modules.datetime.timedelta(days=1) -%}
        {%- endfor -%}
        {%- do moves.append("when cast('" ~ holiday ~ "' as date) then cast('" ~ next.day ~ "' as date)") -%}
    {%- endfor -%}
    {%- if moves -%}
    case {{ day }} {{ moves | join(' ') }} else {{ day }} end
    {%- else -%}
    {{ day }}
    {%- endif -%}
{%- endmacro %}

{% macro policy_holidays() -%}
    {#- The holidays of all versions of the policy in use: the version that knows a year's days is not in force before it. -#}
    {{ return(policy_table('holidays', 'holiday') | map(attribute='holiday') | unique | sort | list) }}
{%- endmacro %}

{% macro working_day_from(day) -%}
    {#- The day itself, or the next one that is neither a Saturday, a Sunday nor a holiday. -#}
    {%- set holidays = policy_holidays() -%}
    {%- set moves = [] -%}
    {%- set one_day = modules.datetime.timedelta(days=1) -%}
    {#- Of each holiday, and of the two days before it, which may be a weekend that ends in it. -#}
    {%- set concerned = [] -%}
    {%- for holiday in holidays -%}
        {%- for before in [2, 1, 0] -%}{%- do concerned.append(holiday - before * one_day) -%}{%- endfor -%}
    {%- endfor -%}
    {%- for first in concerned | unique -%}
        {%- set next = namespace(day=first) -%}
        {%- for _ in range(2 * (holidays | length) + 9) if next.day in holidays or next.day.weekday() >= 5 -%}
            {%- set next.day = next.day + one_day -%}
        {%- endfor -%}
        {%- if next.day != first -%}
            {%- do moves.append("when " ~ day ~ " = cast('" ~ first ~ "' as date) then cast('" ~ next.day ~ "' as date)") -%}
        {%- endif -%}
    {%- endfor -%}
    {#- Days since a Monday, by seven: 5 is a Saturday. #}
    {%- set weekday = 'mod(' ~ dbt.datediff("cast('1970-01-05' as date)", day, 'day') ~ ', 7)' -%}
    case
        {%- for move in moves %}
        {{ move }}
        {%- endfor %}
        when {{ weekday }} >= 5 then cast({{ dbt.dateadd('day', '7 - ' ~ weekday, day) }} as date)
        else {{ day }}
    end
{%- endmacro %}

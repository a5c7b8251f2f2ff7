{% macro workday_from(day) -%}
    {#- The day itself, or where the policy calls it a holiday the next day that is none. -#}
    {%- set versions = {} -%}
    {%- for version, rows in policy_table('holidays', 'holiday') | groupby('policy_version') -%}
        {%- set holidays = rows | map(attribute='holiday') | list -%}
        {%- set moves = [] -%}
        {%- for holiday in holidays -%}
            {%- set next = namespace(day=holiday) -%}
            {%- for _ in holidays if next.day in holidays -%}
                {%- set next.day = next.day + modules.datetime.timedelta(days=1) -%}
            {%- endfor -%}
            {%- do moves.append("when cast('" ~ holiday ~ "' as date) then cast('" ~ next.day ~ "' as date)") -%}
        {%- endfor -%}
        {%- do versions.update({version: 'case ' ~ day ~ ' ' ~ moves | join(' ') ~ ' else ' ~ day ~ ' end'}) -%}
    {%- endfor -%}
    {%- if versions -%}
    coalesce({{ by_version(versions) }}, {{ day }})
    {%- else -%}
    {{ day }}
    {%- endif -%}
{%- endmacro %}

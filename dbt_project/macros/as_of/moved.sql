{% macro aged_from() -%}
    cast('{{ var("aged_from") }}' as date)
{%- endmacro %}

{% macro last_day() -%}
    {#- The last day that the run covers, as a constant: Postgres reads in parallel, and computes no date for each row. -#}
    cast('{{ as_of_dates() | last }}' as date)
{%- endmacro %}

{% macro moved(day, months_before=0) -%}
    {#-
        Whether a day has come between the last day of the release before and that of this run; with `months_before`, whether
        it has left a window of so many months. Literals, since Postgres would not read in parallel what a query returns.
    -#}
    {%- set since = aged_from() -%}
    {%- set until = last_day() -%}
    {%- if months_before -%}
        {%- set since = 'cast(' ~ dbt.dateadd('month', -months_before, since) ~ ' as date)' -%}
        {%- set until = 'cast(' ~ dbt.dateadd('month', -months_before, until) ~ ' as date)' -%}
    {%- endif -%}
    ({{ day }} > {{ since }} and {{ day }} <= {{ until }})
{%- endmacro %}

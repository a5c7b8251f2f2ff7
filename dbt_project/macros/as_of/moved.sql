{% macro aged_from() -%}
    cast('{{ var("aged_from") }}' as date)
{%- endmacro %}

{% macro aged_to() -%}
    cast('{{ var("aged_to") }}' as date)
{%- endmacro %}

{% macro moved(day, months_before=0) -%}
    {#-
        Whether a day has come between the last day of the release before and that of this run; with `months_before`, whether
        it has left a window of so many months. Literals, since Postgres would not read in parallel what a query tells it.
    -#}
    {%- set first_day = aged_from() -%}
    {%- set last_day = aged_to() -%}
    {%- if months_before -%}
        {%- set first_day = 'cast(' ~ dbt.dateadd('month', -months_before, first_day) ~ ' as date)' -%}
        {%- set last_day = 'cast(' ~ dbt.dateadd('month', -months_before, last_day) ~ ' as date)' -%}
    {%- endif -%}
    ({{ day }} > {{ first_day }} and {{ day }} <= {{ last_day }})
{%- endmacro %}

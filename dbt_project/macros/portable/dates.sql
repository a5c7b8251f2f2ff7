{#- dbt's own dialects of Spark count through seconds of a time, and take any unit they do not know for another. -#}

{% macro spark__dateadd(datepart, interval, from_date_or_timestamp) -%}
    {%- set day = 'cast(' ~ from_date_or_timestamp ~ ' as date)' -%}
    {%- if datepart == 'day' -%}
    date_add({{ day }}, cast({{ interval }} as integer))
    {%- elif datepart == 'month' -%}
    add_months({{ day }}, cast({{ interval }} as integer))
    {%- elif datepart == 'year' -%}
    add_months({{ day }}, cast(12 * ({{ interval }}) as integer))
    {%- else -%}
    {{ exceptions.raise_compiler_error('dateadd on Spark knows days, months and years, not ' ~ datepart) }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__datediff(first_date, second_date, datepart) -%}
    {%- if datepart == 'day' -%}
    datediff(cast({{ second_date }} as date), cast({{ first_date }} as date))
    {%- elif datepart == 'month' -%}
    (
        12 * (year(cast({{ second_date }} as date)) - year(cast({{ first_date }} as date)))
        + month(cast({{ second_date }} as date)) - month(cast({{ first_date }} as date))
    )
    {%- elif datepart == 'year' -%}
    (year(cast({{ second_date }} as date)) - year(cast({{ first_date }} as date)))
    {%- else -%}
    {{ exceptions.raise_compiler_error('datediff on Spark knows days, months and years, not ' ~ datepart) }}
    {%- endif -%}
{%- endmacro %}

{% macro spark__date_trunc(datepart, date) -%}
    cast(date_trunc('{{ datepart }}', cast({{ date }} as date)) as date)
{%- endmacro %}

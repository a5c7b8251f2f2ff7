{% macro first_age() -%}
    {#- From so many days before the due date on, what becomes of a bill is measured by each day of its age. -#}
    {{ return(-30) }}
{%- endmacro %}

{% macro probability_of_default(debts) -%}
    {#- Certain in default, else the `matrix`'s share for a debt of its segment and age. -#}
    case when {{ debts }}.is_in_default then 1 else coalesce(matrix.expected_default_rate, 1) end
{%- endmacro %}

{% macro loss_given_default(age) -%}
    {#- The share of a debt that is lost in default, by the days after its due date, at least those of default. -#}
    {%- set days_overdue = 'greatest(' ~ age ~ ', ' ~ (default_days() + 1) ~ ')' -%}
    {%- set versions = {} -%}
    {%- for version, rows in policy_table('loss_rates', 'min_days_overdue desc') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in rows -%}
            {%- do cases.append('when ' ~ days_overdue ~ ' >= ' ~ row.min_days_overdue ~ ' then ' ~ row.loss_given_default) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

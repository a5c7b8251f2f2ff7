{% macro first_age() -%}
    {#- From so many days before the due date on, what becomes of a bill is measured by each day of its age. -#}
    {{ return(-30) }}
{%- endmacro %}

{% macro loss_given_default(days_overdue) -%}
    {#- The share of a debt that is lost, by its days overdue. -#}
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

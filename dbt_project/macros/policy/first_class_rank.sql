{% macro first_class_rank() -%}
    {#- The first class of a policy that a customer's bill size, trend of use and grade fit. -#}
    {%- set ranks = grade_ranks() -%}
    {%- set versions = {} -%}
    {%- for version, classes in policy_table('customer_classes', 'class_rank') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in classes -%}
            {%- set tests = [] -%}
            {%- if row.min_bill_size is not none -%}{%- do tests.append('bill_size >= ' ~ row.min_bill_size) -%}{%- endif -%}
            {%- if row.min_usage_trend is not none -%}{%- do tests.append('usage_trend >= ' ~ row.min_usage_trend) -%}{%- endif -%}
            {%- if row.worst_grade is not none -%}{%- do tests.append('grade_rank <= ' ~ ranks[(version, row.worst_grade)]) -%}{%- endif -%}
            {%- do cases.append('when ' ~ (tests | join(' and ') or 'true') ~ ' then ' ~ row.class_rank) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

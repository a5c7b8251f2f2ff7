{#- Published tables sort by these: AAA comes before A, red before blue, what is due later before what is long overdue. -#}

{% macro grade_rank(grade) -%}
    {{ rank_of(grade, policy_table('grades', 'grade_rank'), 'grade', 'grade_rank') }}
{%- endmacro %}

{% macro bucket_rank(bucket) -%}
    {#- What was paid has left all buckets: it has no rank. -#}
    {{ rank_of(bucket, policy_table('ageing_buckets', 'bucket_rank'), 'ageing_bucket', 'bucket_rank') }}
{%- endmacro %}

{% macro level_rank(level) -%}
    cast(case {{ level }} when 'red' then 1 when 'orange' then 2 when 'yellow' then 3 when 'blue' then 4 end as integer)
{%- endmacro %}

{% macro rank_of(value, rows, name, rank) -%}
    {#- The rank of a value by the newest version of the policy that has it; none for others, as for `NR`. -#}
    {%- set ranks = {} -%}
    {%- for row in rows -%}
        {%- do ranks.update({row[name]: row[rank]}) -%}
    {%- endfor -%}
    cast(
        {%- if ranks %} case {{ value }}{% for one, its_rank in ranks.items() %} when '{{ one }}' then {{ its_rank }}{% endfor %} end
        {%- else %} null
        {%- endif %} as integer
    )
{%- endmacro %}

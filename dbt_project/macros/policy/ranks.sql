{#- Published tables sort by these: red before blue, what is due later before what is long overdue. -#}

{% macro bucket_rank(bucket) -%}
    {#- By the newest version of the policy that has the bucket. What was paid has left all buckets: it has no rank. -#}
    {%- set ranks = {} -%}
    {%- for row in policy_table('ageing_buckets', 'bucket_rank') -%}
        {%- do ranks.update({row.ageing_bucket: row.bucket_rank}) -%}
    {%- endfor -%}
    cast(
        {%- if ranks %} case {{ bucket }}{% for one, rank in ranks.items() %} when '{{ one }}' then {{ rank }}{% endfor %} end
        {%- else %} null
        {%- endif %} as integer
    )
{%- endmacro %}

{% macro level_rank(level) -%}
    cast(case {{ level }} when 'red' then 1 when 'orange' then 2 when 'yellow' then 3 when 'blue' then 4 end as integer)
{%- endmacro %}

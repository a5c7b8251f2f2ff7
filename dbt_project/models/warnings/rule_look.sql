-- Where the last day is a month-end; on others those looked at stand among the days looked at for warnings.
{{ config(indexes=[{'columns': ['customer_id', 'as_of_date', 'rule'], 'unique': true}]) }}

{%- if is_month_end(var('as_of_dates') | last) %}
{{ rule_look('customer_scope') }}
{%- else %}
select * from {{ ref('rule_look_on_warning_day') }}
where false
{%- endif %}

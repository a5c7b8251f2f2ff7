-- Read on month-ends alone: depends_on: {{ ref('rating') }} {{ ref('as_of_date') }} {{ ref('customer_feature') }}
-- depends_on: {{ ref('credit_position') }} {{ ref('rating_at_month_end') }} {{ ref('stg_customer') }}
-- Where the last day is a month-end; on others those looked at stand among the days looked at for warnings.
{{ config(indexes=[{'columns': ['customer_id', 'as_of_date', 'rule'], 'unique': true}]) }}

{%- if is_month_end(var('as_of_dates') | last) %}
{{ rule_look('customer_scope') }}
{%- else %}
select
    as_of_date,
    customer_id,
    policy_version,
    rule,
    evidence
from {{ ref('rule_look_on_warning_day') }}
where false
{%- endif %}

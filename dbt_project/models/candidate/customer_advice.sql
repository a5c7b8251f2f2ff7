-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id', 'advice'], 'unique': true}]) }}

{%- set rules = policy_table('advice_rules', 'advice') %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

customers as (

    select * from {{ ref('stg_customer') }}

),

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),

advice_rules as (

    select * from {{ source('policy', 'advice_rules') }}

),

savings as (

    select * from {{ ref('advice_saving') }}

),

advised as (
    {% for rule in rules %}
    select
        scope.customer_id,
        advice_rules.policy_version,
        advice_rules.advice,
        advice_rules.kind,
        '{{ rule.feature }}' as feature,
        features.{{ rule.feature }} as feature_value,
        advice_rules.threshold,
        advice_rules.text_en,
        advice_rules.text_zh,
        savings.money_at_stake
    from scope
    inner join dates
        on
            scope.as_of_date = dates.as_of_date
            and dates.policy_version = '{{ rule.policy_version }}'
    inner join advice_rules
        on
            dates.policy_version = advice_rules.policy_version
            and advice_rules.advice = '{{ rule.advice }}'
    inner join features
        on
            scope.customer_id = features.customer_id
            and features.{{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }}
    inner join customers
        on
            scope.customer_id = customers.customer_id
            and {{ applies_to('advice_rules.not_for', 'customers.segment') }}
    left join savings
        on
            scope.customer_id = savings.customer_id
            and advice_rules.advice = savings.advice
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
    {%- if not rules %}
    select
        customer_id,
        '' as policy_version,
        '' as advice,
        '' as kind,
        '' as feature,
        0 as feature_value,
        0 as threshold,
        '' as text_en,
        '' as text_zh,
        0 as money_at_stake
    from scope
    where false
    {% endif %}
),

as_contracted as (

    select
        cast(advised.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(advised.advice as {{ dbt.type_string() }}) as advice,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(advised.kind as {{ dbt.type_string() }}) as kind,
        cast(advised.feature as {{ dbt.type_string() }}) as feature,
        cast(advised.feature_value as numeric(18, 4)) as feature_value,
        cast(advised.threshold as numeric(18, 4)) as threshold,
        cast(advised.money_at_stake as numeric(18, 2)) as money_at_stake,
        cast(advised.text_en as {{ dbt.type_string() }}) as advice_en,
        cast(advised.text_zh as {{ dbt.type_string() }}) as advice_zh,
        cast(advised.policy_version as {{ dbt.type_string() }}) as policy_version
    from advised
    inner join customers
        on advised.customer_id = customers.customer_id

)

select * from as_contracted

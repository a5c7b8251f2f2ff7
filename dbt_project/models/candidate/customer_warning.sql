-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

warnings as (

    select * from {{ ref('warning') }}
    where status <> 'cleared'

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

current_warnings as (

    select
        cast(warnings.customer_id as text) as customer_id,
        cast(warnings.rule as text) as rule,
        cast(warnings.level as text) as level,
        cast(warnings.level_by_rule as text) as level_by_rule,
        cast(warnings.status as text) as status,
        cast(warnings.is_met as boolean) as is_met,
        cast(warnings.is_reopened as boolean) as is_reopened,
        cast(customers.segment as text) as segment,
        cast(customers.region as text) as region,
        cast(customers.org_unit as text) as org_unit,
        cast(rules.text_en as text) as reason_en,
        cast(rules.text_zh as text) as reason_zh,
        cast(warnings.evidence as text) as evidence,
        cast(rules.measure as text) as measure,
        cast(rules.department as text) as department,
        cast(warnings.opened_on as date) as opened_on,
        cast(warnings.evident_on as date) as evident_on,
        cast(warnings.deadline as date) as deadline,
        cast(warnings.acknowledged_on as date) as acknowledged_on,
        cast(warnings.acknowledged_by as text) as acknowledged_by,
        cast(warnings.escalates_on as date) as escalates_on,
        cast(warnings.clears_on as date) as clears_on,
        cast(warnings.policy_version as text) as policy_version,
        {{ level_rank('warnings.level') }} as level_rank
    from scope
    inner join warnings
        on scope.customer_id = warnings.customer_id
    inner join rules
        on
            warnings.policy_version = rules.policy_version
            and warnings.rule = rules.rule
    inner join customers
        on warnings.customer_id = customers.customer_id

)

select * from current_warnings

-- From which evaluation of a customer until which later one a warning rule held.
{{
    config(
        materialized='incremental',
        keys_of='warning_scope',
        indexes=[{'columns': ['customer_id', 'rule', 'met_from'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

evaluations as (

    select * from {{ ref('rated_evaluation') }}

),

found as (

    select * from {{ ref('rule_evaluation') }}

),

in_order as (

    select
        evaluations.*,
        lag(evaluations.as_of_date) over (
            partition by evaluations.customer_id
            order by evaluations.as_of_date
        ) as evaluated_before,
        lead(evaluations.as_of_date) over (
            partition by evaluations.customer_id
            order by evaluations.as_of_date
        ) as evaluated_next
    from scope
    inner join evaluations
        on scope.customer_id = evaluations.customer_id

),

rules_of_scope as (

    select found.*
    from scope
    inner join found
        on scope.customer_id = found.customer_id

),

met as (

    select
        rules_of_scope.customer_id,
        rules_of_scope.rule,
        rules_of_scope.policy_version,
        rules_of_scope.evidence,
        rules_of_scope.as_of_date as met_from,
        in_order.evaluated_next as met_until,
        coalesce(in_order.evaluated_before, cast('{{ warned_from() }}' as date)) as evaluated_before
    from rules_of_scope
    inner join in_order
        on
            rules_of_scope.customer_id = in_order.customer_id
            and rules_of_scope.as_of_date = in_order.as_of_date

)

select * from met

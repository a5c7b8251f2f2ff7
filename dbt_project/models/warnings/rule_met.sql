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

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date >= cast('{{ warned_from() }}' as date)

),

evaluation_days as (

    select * from {{ ref('evaluation_day') }}

),

found as (

    select * from {{ ref('rule_evaluation') }}

),

-- Of those who had a rating: month-ends, and the days that facts name.
evaluations as (

    select
        scope.customer_id,
        ratings.as_of_date
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    left join evaluation_days
        on
            ratings.customer_id = evaluation_days.customer_id
            and ratings.as_of_date = evaluation_days.as_of_date
    where
        evaluation_days.customer_id is not null
        or not {{ is_running_month('ratings.as_of_date') }}

),

in_order as (

    select
        customer_id,
        as_of_date,
        lead(as_of_date) over (
            partition by customer_id
            order by as_of_date
        ) as evaluated_next
    from evaluations

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
        in_order.evaluated_next as met_until
    from rules_of_scope
    inner join in_order
        on
            rules_of_scope.customer_id = in_order.customer_id
            and rules_of_scope.as_of_date = in_order.as_of_date

)

select * from met

-- From which evaluation of a customer until which later one a warning rule held. On the last day everybody is evaluated; where it
-- says else than the evaluation before, that holds since the last day between them on which a bill of the customer moved.
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

found_on_last_day as (

    select * from {{ ref('rule_evaluation') }}
    where as_of_date = {{ last_day() }}

),

balances as (

    select * from {{ ref('bill_balance') }}
    where
        valid_from > (select dates.previous_month_end from {{ ref('as_of_date') }} as dates where dates.is_latest)
        and valid_from <= {{ last_day() }}

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

moved as (

    select
        customer_id,
        max(valid_from) as moved_on
    from balances
    group by customer_id

),

-- The last evaluation of each customer whom nothing had evaluated on the last day.
evaluated_before as (

    select
        in_order.customer_id,
        in_order.as_of_date as evaluated_on,
        greatest(
            cast({{ dbt.dateadd('day', 1, 'in_order.as_of_date') }} as date), coalesce(moved.moved_on, in_order.as_of_date)
        ) as changed_on
    from in_order
    left join moved
        on in_order.customer_id = moved.customer_id
    where
        in_order.evaluated_next is null
        and in_order.as_of_date < {{ last_day() }}

),

met as (

    select
        rules_of_scope.customer_id,
        rules_of_scope.rule,
        rules_of_scope.policy_version,
        rules_of_scope.evidence,
        rules_of_scope.as_of_date as met_from,
        case when found_on_last_day.rule is null then coalesce(in_order.evaluated_next, evaluated_before.changed_on) else in_order.evaluated_next end
            as met_until
    from rules_of_scope
    inner join in_order
        on
            rules_of_scope.customer_id = in_order.customer_id
            and rules_of_scope.as_of_date = in_order.as_of_date
    left join evaluated_before
        on
            rules_of_scope.customer_id = evaluated_before.customer_id
            and rules_of_scope.as_of_date = evaluated_before.evaluated_on
    left join found_on_last_day
        on
            rules_of_scope.customer_id = found_on_last_day.customer_id
            and rules_of_scope.rule = found_on_last_day.rule

    union all

    select
        found_on_last_day.customer_id,
        found_on_last_day.rule,
        found_on_last_day.policy_version,
        found_on_last_day.evidence,
        evaluated_before.changed_on as met_from,
        cast(null as date) as met_until
    from evaluated_before
    inner join found_on_last_day
        on evaluated_before.customer_id = found_on_last_day.customer_id
    left join rules_of_scope
        on
            evaluated_before.customer_id = rules_of_scope.customer_id
            and evaluated_before.evaluated_on = rules_of_scope.as_of_date
            and found_on_last_day.rule = rules_of_scope.rule
    where rules_of_scope.rule is null

)

select * from met

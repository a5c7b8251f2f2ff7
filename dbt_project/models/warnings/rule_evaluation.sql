-- The warning rules that held for a customer on an evaluation day, and for everybody on the last day, by the policy
-- then in force, written from the policy tables: one pass over the facts, whatever the rules are.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        is_retained_a_year=true,
        indexes=[{'columns': ['customer_id', 'as_of_date', 'rule'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('as_of_scope') }}
    where
        is_evaluated
        or as_of_date = {{ last_day() }}

),

dates as (

    select * from {{ ref('evaluation_date') }}

),

features as (

    select * from {{ ref('customer_feature') }}

),

ratings as (

    select * from {{ ref('rating') }}

),

-- What is disputed, where the policy does not count it, and what is too small to be pursued is nothing to warn of.
positions as (

    select
        as_of_date,
        customer_id,
        credit_limit,
        case when counted_amount >= pursued_from then counted_amount else 0 end as open_amount,
        case when counted_amount + unbilled_amount >= pursued_from then counted_amount + unbilled_amount else 0 end
            as exposure
    from {{ ref('credit_position') }}

),

ratings_before as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

customers as (

    select * from {{ ref('stg_customer') }}

),

-- Outer joins, each of which finds one row: Postgres would take inner ones on two columns to find next to none.
facts as (

    select
        scope.as_of_date,
        scope.customer_id,
        ratings.policy_version,
        customers.segment,
        {%- for feature in features() %}
        features.{{ feature }},
        {%- endfor %}
        {{ dbt.datediff('scope.as_of_date', 'features.next_due_on', 'day') }} as days_to_next_due, -- noqa: LT05
        positions.open_amount,
        positions.exposure,
        -- Where the limit is 0, any debt is over any share of it.
        case
            when positions.credit_limit > 0 then {{ rounded_ratio('positions.exposure', 'positions.credit_limit', 4) }}
            when positions.exposure > 0 then 9999
        end as utilisation,
        positions.credit_limit - positions.exposure as headroom,
        ratings.grade_rank,
        ratings.grade_rank - ratings_before.grade_rank as grade_steps_down
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    left join ratings
        on
            scope.customer_id = ratings.customer_id
            and scope.as_of_date = ratings.as_of_date
    left join features
        on
            scope.customer_id = features.customer_id
            and scope.as_of_date = features.as_of_date
    left join positions
        on
            scope.customer_id = positions.customer_id
            and scope.as_of_date = positions.as_of_date
    left join ratings_before
        on
            dates.previous_month_end = ratings_before.as_of_date
            and scope.customer_id = ratings_before.customer_id
    left join customers
        on scope.customer_id = customers.customer_id

),

rules_met as (

    select
        facts.as_of_date,
        facts.customer_id,
        facts.policy_version,
        met.rule,
        met.evidence
    from facts
    {{ each_warning_rule('facts') }}

)

select * from rules_met

-- The scores of customers and the veto that decides, by the policy in force on each day. Apart from the grades:
-- Postgres would compute the points in each place where a grade asks for the score.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('as_of_scope') }}

),

dates as (

    select * from {{ ref('evaluation_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

features as (

    select * from {{ ref('customer_feature') }}

),

contracted as (

    select
        scope.as_of_date,
        dates.policy_version,
        {{ dbt.dateadd('month', 'dates.new_customer_months', 'customers.opened_on') }} > scope.as_of_date
            as is_new_customer,
        features.customer_id,
        customers.segment,
        {%- for feature in features() %}
        features.{{ feature }},
        {%- endfor %}
        features.next_due_on
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join customers
        on
            scope.customer_id = customers.customer_id
            and scope.as_of_date >= customers.opened_on
    inner join features
        on
            scope.customer_id = features.customer_id
            and scope.as_of_date = features.as_of_date

),

pointed as (

    select
        *,
        {{ exact(total_points()) }} as points,
        {{ exact(available_weight()) }} as weight_available,
        {{ has_required_weights() }} as is_enough_known,
        {{ hardest_veto('veto') }} as veto,
        {{ hardest_veto('reason_code') }} as veto_reason_code,
        {{ hardest_veto('best_grade_rank') }} as veto_grade_rank,
        coalesce(max_days_overdue > {{ default_days() }}, false) as is_in_default
    from contracted

),

scored as (

    select
        as_of_date,
        customer_id,
        policy_version,
        is_new_customer,
        cast(
            case when is_enough_known then {{ rounded_ratio('100 * points', 'weight_available', 2) }} end
            as numeric(6, 2)
        ) as score,
        cast(weight_available as numeric(6, 2)) as weight_available,
        veto,
        veto_reason_code,
        veto_grade_rank,
        is_in_default
    from pointed

)

select * from scored

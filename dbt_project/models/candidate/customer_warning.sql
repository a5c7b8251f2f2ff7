-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

warnings as (

    select * from {{ ref('standing_warning') }}

),

rules as (

    select * from {{ source('policy', 'warning_rules') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

positions as (

    select * from {{ ref('credit_position') }}
    where as_of_date = {{ last_day() }}

),

ranked as (

    select
        warnings.*,
        {{ level_rank('warnings.level') }} as level_rank,
        {{ level_rank('warnings.level_by_rule') }} as rank_by_rule
    from scope
    inner join warnings
        on scope.customer_id = warnings.customer_id

),

-- Of a customer's warnings the most urgent leads, what somebody has noted after what is open: by level, what holds
-- before what waits to clear, what is of that level by its rule before what escalated to it, then by deadline, which
-- what is not dated has none of.
led as (

    select
        *,
        first_value(rule) over (
            partition by customer_id
            order by
                case when status = 'open' then 0 else 1 end,
                level_rank,
                case when is_met then 0 else 1 end,
                rank_by_rule,
                deadline nulls last,
                rule
        ) as leading_rule
    from ranked

),

current_warnings as (

    select
        cast(led.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(led.rule as {{ dbt.type_string() }}) as rule,
        cast(led.level as {{ dbt.type_string() }}) as level,
        cast(led.level_by_rule as {{ dbt.type_string() }}) as level_by_rule,
        cast(led.status as {{ dbt.type_string() }}) as status,
        cast(led.is_met as boolean) as is_met,
        cast(led.is_reopened as boolean) as is_reopened,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(rules.text_en as {{ dbt.type_string() }}) as reason_en,
        cast(rules.text_zh as {{ dbt.type_string() }}) as reason_zh,
        cast(led.evidence as {{ dbt.type_string() }}) as evidence,
        cast(rules.measure as {{ dbt.type_string() }}) as measure,
        cast(rules.department as {{ dbt.type_string() }}) as department,
        cast(led.opened_on as date) as opened_on,
        cast(led.evident_on as date) as evident_on,
        cast(led.deadline as date) as deadline,
        cast(led.acknowledged_on as date) as acknowledged_on,
        cast(led.acknowledged_by as {{ dbt.type_string() }}) as acknowledged_by,
        cast(led.escalates_on as date) as escalates_on,
        cast(led.clears_on as date) as clears_on,
        cast(led.policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(led.level_rank as integer) as level_rank,
        cast(led.rule = led.leading_rule as boolean) as is_leading,
        cast(led.leading_rule as {{ dbt.type_string() }}) as leading_rule,
        cast(greatest(coalesce(positions.exposure - positions.security_amount, 0), 0) as numeric(18, 2))
            as money_at_risk,
        cast(led.is_dated as boolean) as is_dated
    from led
    inner join rules
        on
            led.policy_version = rules.policy_version
            and led.rule = rules.rule
    inner join customers
        on led.customer_id = customers.customer_id
    left join positions
        on led.customer_id = positions.customer_id

)

select * from current_warnings

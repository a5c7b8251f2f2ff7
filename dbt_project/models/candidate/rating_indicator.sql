-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id', 'indicator'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

reasons as (

    select * from {{ source('policy', 'reasons') }}

),

indicator_points as (

    select * from {{ ref('indicator_points') }}

),

explained as (

    select
        cast(ratings.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(indicators.indicator as {{ dbt.type_string() }}) as indicator,
        cast(indicators.dimension as {{ dbt.type_string() }}) as dimension,
        cast(indicator_points.indicator is not null as boolean) as is_available,
        cast(indicator_points.indicator_value as numeric(18, 4)) as indicator_value,
        cast(indicator_points.bin as integer) as bin,
        -- Who has a score may have points for what is missing too.
        cast(
            coalesce(
                indicator_points.points, case when ratings.weight_available > 0 then indicators.missing_points end
            ) as numeric(6, 2)
        ) as points,
        cast(indicators.weight as numeric(6, 2)) as weight,
        cast(indicator_points.reason_code as {{ dbt.type_string() }}) as reason_code,
        cast(reasons.text_en as {{ dbt.type_string() }}) as reason_en,
        cast(reasons.text_zh as {{ dbt.type_string() }}) as reason_zh
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join customers
        on scope.customer_id = customers.customer_id
    inner join indicators
        on
            ratings.policy_version = indicators.policy_version
            and {{ applies_to('indicators.not_for', 'customers.segment') }}
    left join indicator_points
        on
            ratings.customer_id = indicator_points.customer_id
            and indicators.indicator = indicator_points.indicator
    left join reasons
        on
            indicators.policy_version = reasons.policy_version
            and indicator_points.reason_code = reasons.reason_code

)

select * from explained

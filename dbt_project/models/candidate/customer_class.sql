-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

classes as (

    select * from {{ source('policy', 'customer_classes') }}

),

valued as (

    select
        ratings.customer_id,
        ratings.policy_version,
        ratings.grade,
        ratings.grade_rank,
        customers.segment,
        customers.region,
        customers.org_unit,
        features.bill_size,
        features.usage_trend
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join features
        on scope.customer_id = features.customer_id
    inner join customers
        on scope.customer_id = customers.customer_id

),

classed as (

    select
        *,
        {{ first_class_rank() }} as class_rank
    from valued

),

as_contracted as (

    select
        cast(classed.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(classed.segment as {{ dbt.type_string() }}) as segment,
        cast(classed.region as {{ dbt.type_string() }}) as region,
        cast(classed.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(classes.customer_class as {{ dbt.type_string() }}) as customer_class,
        cast(classes.service_tier as {{ dbt.type_string() }}) as service_tier,
        cast(classed.bill_size as numeric(18, 4)) as bill_size,
        cast(classed.usage_trend as numeric(18, 4)) as usage_trend,
        cast(classed.grade as {{ dbt.type_string() }}) as grade,
        cast(classes.text_en as {{ dbt.type_string() }}) as service_en,
        cast(classes.text_zh as {{ dbt.type_string() }}) as service_zh,
        cast(classed.policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(classed.grade_rank as integer) as grade_rank
    from classed
    inner join classes
        on
            classed.policy_version = classes.policy_version
            and classed.class_rank = classes.class_rank

)

select * from as_contracted

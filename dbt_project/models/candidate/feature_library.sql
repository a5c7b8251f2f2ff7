-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

customers as (

    select * from {{ ref('stg_customer') }}

),

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),

as_contracted as (

    select
        cast(scope.customer_id as {{ dbt.type_string() }}) as customer_id,
        {#- Attributes are published by themselves, to the departments that may see them. #}
        {%- for feature in var('features') %}
        cast(features.{{ feature }} as numeric(18, 4)) as {{ feature }},
        {%- endfor %}
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit
    from scope
    inner join features
        on scope.customer_id = features.customer_id
    inner join customers
        on scope.customer_id = customers.customer_id

)

select * from as_contracted

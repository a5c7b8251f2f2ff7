-- The attributes of customers as features, as of each day of the scope; customers of whom none stands have no row.
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

attribute_values as (

    select * from {{ ref('attribute_value') }}
    where type in ('boolean', 'code', 'number')

),

attributes as (

    select
        scope.as_of_date,
        {%- for name, definition in attribute_features().items() %}
        {{ attribute_feature(definition, 'attribute_values.name', 'attribute_values.value') }} as {{ name }},
        {%- endfor %}
        scope.customer_id
    from scope
    inner join attribute_values
        on
            scope.customer_id = attribute_values.customer_id
            and scope.as_of_date >= attribute_values.valid_from
            and scope.as_of_date < attribute_values.valid_to
    group by scope.as_of_date, scope.customer_id

)

select * from attributes

-- The rows that this run replaces in what is published: those of the customers whom facts concern.
{{ config(indexes=[{'columns': ['customer_id', 'name', 'valid_from'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

-- A release cannot forget what it said: texts may name somebody.
attribute_values as (

    select * from {{ ref('attribute_value') }}
    where type <> 'text'

),

known_then as (

    select
        attribute_values.*,
        attribute_values.valid_to <= scope.as_of_date as is_over
    from scope
    inner join customers
        on
            scope.customer_id = customers.customer_id
            and scope.as_of_date >= customers.opened_on
    inner join attribute_values
        on
            scope.customer_id = attribute_values.customer_id
            and scope.as_of_date >= attribute_values.valid_from

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(name as {{ dbt.type_string() }}) as name,
        cast(type as {{ dbt.type_string() }}) as type,
        cast(is_protected as boolean) as is_protected,
        cast(value as {{ dbt.type_string() }}) as value,
        cast(valid_from as date) as valid_from,
        -- Of a value that a later one has ended, the day before that one.
        cast(case when is_over then {{ dbt.dateadd('day', -1, 'valid_to') }} else stated_valid_to end as date)
            as valid_to,
        cast(not is_over as boolean) as is_current
    from known_then

)

select * from as_contracted

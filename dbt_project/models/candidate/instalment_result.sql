-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['action_id', 'due_on'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

promises as (

    select * from {{ ref('promise') }}

),

instalments as (

    select * from {{ ref('instalment') }}

),

as_contracted as (

    select
        cast(instalments.action_id as {{ dbt.type_string() }}) as action_id,
        cast(instalments.due_on as date) as due_on,
        cast(instalments.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(promises.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(instalments.amount as numeric(18, 2)) as amount,
        cast(instalments.paid_amount as numeric(18, 2)) as paid_amount,
        cast({{ instalment_outcome('scope.as_of_date') }} as {{ dbt.type_string() }}) as outcome
    from scope
    inner join promises
        on
            scope.customer_id = promises.customer_id
            and scope.as_of_date >= promises.acted_on
    inner join instalments
        on promises.action_id = instalments.action_id

)

select * from as_contracted

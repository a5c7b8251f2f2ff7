-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['action_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

promises as (

    select * from {{ ref('promise') }}

),

as_contracted as (

    select
        cast(promises.action_id as {{ dbt.type_string() }}) as action_id,
        cast(promises.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(promises.kind as {{ dbt.type_string() }}) as kind,
        cast(promises.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(promises.amount as numeric(18, 2)) as amount,
        cast(promises.acted_on as date) as acted_on,
        cast(promises.promise_date as date) as promise_date,
        cast(
            case
                when promises.stands_until >= scope.as_of_date then 'open'
                when promises.is_kept then 'kept'
                else 'broken'
            end as {{ dbt.type_string() }}
        ) as outcome
    from scope
    inner join promises
        on
            scope.customer_id = promises.customer_id
            and scope.as_of_date >= promises.acted_on

)

select * from as_contracted

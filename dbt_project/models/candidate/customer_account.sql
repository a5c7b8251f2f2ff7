-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

accounts as (

    select * from {{ ref('account_balance') }}
    where is_latest

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        {{ account_columns() }}
    from accounts

)

select * from as_contracted

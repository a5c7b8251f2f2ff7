-- The rows that this run replaces in what is published: those of the month-ends in scope.
{{ config(indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}

with

accounts as (

    select * from {{ ref('account_balance') }}
    where not is_latest

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        {{ account_columns() }}
    from accounts

)

select * from as_contracted

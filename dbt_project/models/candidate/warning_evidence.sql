-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule', 'kind', 'record_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

records as (

    select * from {{ ref('warning_record') }}

),

as_contracted as (

    select
        cast(records.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(records.rule as {{ dbt.type_string() }}) as rule,
        cast(records.kind as {{ dbt.type_string() }}) as kind,
        cast(records.record_id as {{ dbt.type_string() }}) as record_id,
        cast(records.amount as numeric(18, 2)) as amount,
        cast(records.dated_on as date) as dated_on
    from scope
    inner join records
        on scope.customer_id = records.customer_id

)

select * from as_contracted

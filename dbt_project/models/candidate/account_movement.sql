-- The rows that this run replaces in what is published: those of the customers whom a fact concerns.
{{ config(indexes=[{'columns': ['movement_id'], 'unique': true}]) }}

with

entries as (

    select * from {{ ref('account_entry') }}

),

as_contracted as (

    select
        cast(movement_id as {{ dbt.type_string() }}) as movement_id,
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(moved_on as date) as moved_on,
        cast(kind as {{ dbt.type_string() }}) as kind,
        cast(amount as numeric(18, 2)) as amount,
        cast(balance as numeric(18, 2)) as balance,
        cast(bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(payer_id as {{ dbt.type_string() }}) as payer_id,
        cast(unexplained_amount as numeric(18, 2)) as unexplained_amount,
        cast(extract as {{ dbt.type_string() }}) as extract,
        cast(fact_id as {{ dbt.type_string() }}) as fact_id,
        cast(file_name as {{ dbt.type_string() }}) as file_name,
        cast(line_no as bigint) as line_no
    from entries

)

select * from as_contracted

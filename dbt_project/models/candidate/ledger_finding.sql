{{ config(indexes=[{'columns': ['finding', 'extract', 'fact_id', 'customer_id'], 'unique': true}]) }}

with

findings as (

    select * from {{ ref('finding') }}

),

as_contracted as (

    select
        cast(finding as text) as finding,
        cast(extract as text) as extract,
        cast(fact_id as text) as fact_id,
        cast(customer_id as text) as customer_id,
        cast(amount as numeric(18, 2)) as amount,
        cast(file_id as bigint) as file_id,
        cast(line_no as bigint) as line_no
    from findings

)

select * from as_contracted

{{ config(indexes=[{'columns': ['finding', 'extract', 'fact_id', 'customer_id'], 'unique': true}]) }}

with

findings as (

    select * from {{ ref('finding') }}

),

files as (

    select * from {{ source('lineage', 'files') }}

),

-- By its name: the number of a file is another one on another machine.
named as (

    select
        findings.*,
        files.file_name
    from findings
    left join files
        on findings.file_id = files.file_id

),

as_contracted as (

    select
        cast(finding as {{ dbt.type_string() }}) as finding,
        cast(extract as {{ dbt.type_string() }}) as extract,
        cast(fact_id as {{ dbt.type_string() }}) as fact_id,
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(amount as numeric(18, 2)) as amount,
        cast(file_name as {{ dbt.type_string() }}) as file_name,
        cast(line_no as bigint) as line_no
    from named

)

select * from as_contracted

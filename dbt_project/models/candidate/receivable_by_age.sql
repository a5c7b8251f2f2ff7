{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment', 'ageing_bucket'], 'unique': true}]) }}

with

ageing as (

    select * from {{ ref('receivable_ageing') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(ageing_bucket as {{ dbt.type_string() }}) as ageing_bucket,
        cast(bucket_rank as integer) as bucket_rank,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(open_bills as bigint) as open_bills,
        cast(customers as bigint) as customers
    from ageing

)

select * from as_contracted

{{ config(indexes=[{'columns': ['as_of_date', 'segment', 'from_bucket', 'to_bucket'], 'unique': true}]) }}

with

rolls as (

    select * from {{ ref('roll_month') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(from_bucket as {{ dbt.type_string() }}) as from_bucket,
        cast(to_bucket as {{ dbt.type_string() }}) as to_bucket,
        cast(amount as numeric(18, 2)) as amount,
        {{ bucket_rank('from_bucket') }} as from_bucket_rank,
        {{ bucket_rank('to_bucket') }} as to_bucket_rank
    from rolls

)

select * from as_contracted

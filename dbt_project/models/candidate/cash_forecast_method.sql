{{ config(indexes=[{'columns': ['as_of_date', 'months', 'method'], 'unique': true}]) }}

with

methods as (

    select * from {{ ref('cash_method') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(months as integer) as months,
        cast(method as {{ dbt.type_string() }}) as method,
        cast(amount as numeric(18, 2)) as forecast_amount,
        cast(collected_amount as numeric(18, 2)) as collected_amount,
        cast(windows as integer) as windows,
        cast(mean_error as numeric(12, 6)) as mean_error,
        cast(is_published as boolean) as is_published
    from methods

)

select * from as_contracted

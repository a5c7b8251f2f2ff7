{{ config(indexes=[{'columns': ['as_of_date', 'months'], 'unique': true}]) }}

with

forecasts as (

    select * from {{ ref('cash_forecast_by_date') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(months as integer) as months,
        cast(of_open_bills as numeric(18, 2)) as of_open_bills,
        cast(of_later_bills as numeric(18, 2)) as of_later_bills,
        cast(forecast_amount as numeric(18, 2)) as forecast_amount,
        cast(naive_amount as numeric(18, 2)) as naive_amount,
        cast(collected_amount as numeric(18, 2)) as collected_amount,
        cast(method as {{ dbt.type_string() }}) as method,
        cast(lower_amount as numeric(18, 2)) as lower_amount,
        cast(upper_amount as numeric(18, 2)) as upper_amount,
        cast(error_against_naive as numeric(12, 4)) as error_against_naive
    from forecasts

)

select * from as_contracted

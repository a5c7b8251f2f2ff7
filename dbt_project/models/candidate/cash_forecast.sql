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
        cast(collected_amount as numeric(18, 2)) as collected_amount
    from forecasts

)

select * from as_contracted

-- The cash forecast: within one, two and three months of each date what the published method says, with an interval,
-- and how the forecasts that were published before compare with the naive ones in the windows that had closed.
{{ config(indexes=[{'columns': ['as_of_date', 'months'], 'unique': true}]) }}

{%- set rules = var('cash_forecast') %}
with

methods as (

    select * from {{ ref('cash_method') }}

),

dates as (

    select
        dates.as_of_date,
        {{ last_closed_month_end('dates') }} as closed_on
    from {{ ref('as_of_date') }} as dates

),

published as (

    select * from methods
    where is_published

),

naive as (

    select * from methods
    where method = 'naive'

),

seasonal_naive as (

    select * from methods
    where method = 'seasonal_naive'

),

by_age as (

    select * from methods
    where method = 'by_age'

),

past as (

    select
        published.months,
        published.closed_on,
        abs(published.amount - published.collected_amount) as error,
        abs(naive.amount - published.collected_amount) as naive_error,
        abs(seasonal_naive.amount - published.collected_amount) as seasonal_error
    from published
    inner join naive
        on
            published.as_of_date = naive.as_of_date
            and published.months = naive.months
    left join seasonal_naive
        on
            published.as_of_date = seasonal_naive.as_of_date
            and published.months = seasonal_naive.months
    where published.collected_amount is not null

),

-- Over a year's windows, once there are so many; the seasonal naive forecast counts where it has said something in all
-- of them.
errors as (

    select
        dates.as_of_date,
        past.months,
        sum(past.error) as error,
        least(
            sum(past.naive_error),
            case when count(past.seasonal_error) = {{ rules.windows }} then sum(past.seasonal_error) end
        ) as naive_error
    from dates
    inner join past
        on {{ months_after('past.closed_on', 'dates.closed_on') }} between 0 and {{ rules.windows - 1 }}
    group by dates.as_of_date, past.months
    having count(*) = {{ rules.windows }}

),

forecasts as (

    select
        published.as_of_date,
        published.months,
        published.method,
        published.amount as forecast_amount,
        -- Of ten, eight come within it, if errors are as they were and normal: 1.2816 standard errors to either side.
        case
            when published.mean_squared_error is not null
                then {{ money(
                    rounded('greatest(published.amount - 1.2816 * sqrt(published.mean_squared_error), 0)', 2)
                ) }}
        end as lower_amount,
        {{ money(rounded('published.amount + 1.2816 * sqrt(published.mean_squared_error)', 2)) }} as upper_amount,
        by_age.of_open_bills,
        {{ money('by_age.amount - by_age.of_open_bills') }} as of_later_bills,
        naive.amount as naive_amount,
        published.collected_amount,
        {{ within(rounded_ratio('errors.error', 'errors.naive_error', 4), 12, 4) }} as error_against_naive
    from published
    left join naive
        on
            published.as_of_date = naive.as_of_date
            and published.months = naive.months
    left join by_age
        on
            published.as_of_date = by_age.as_of_date
            and published.months = by_age.months
    left join errors
        on
            published.as_of_date = errors.as_of_date
            and published.months = errors.months

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

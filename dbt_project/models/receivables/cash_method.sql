-- What each method says comes in, how far it has been off, and which is published: the combined one, where no other has
-- been better by more than a margin in the windows that had closed by the date. Who only changes for that does not
-- change for chance.
{{ config(indexes=[{'columns': ['as_of_date', 'months', 'method'], 'unique': true}]) }}

{%- set rules = var('cash_forecast') %}
with

forecasts as (

    select
        as_of_date,
        months,
        method,
        amount,
        of_open_bills,
        closed_on,
        collected_amount
    from {{ ref('cash_candidate') }}

    union all

    select
        as_of_date,
        months,
        'combined' as method,
        amount,
        cast(null as numeric(18, 2)) as of_open_bills,
        closed_on,
        collected_amount
    from {{ ref('cash_combined') }}

),

errors as (

    {{ forecast_errors('forecasts', 'combined') }}

),

scored as (

    select
        forecasts.*,
        coalesce(errors.windows, 0) as windows,
        {{ ratio('errors.error', 'errors.collected_amount') }} as mean_error,
        {{ ratio('errors.squared_error', 'errors.windows') }} as mean_squared_error,
        case
            when forecasts.method = 'combined' then 1
            when errors.windows >= {{ rules.least_windows }}
                then {{ ratio('errors.error', 'errors.rival_error') }} * {{ 1 + rules.margin }}
        end as score
    from forecasts
    left join errors
        on
            forecasts.as_of_date = errors.as_of_date
            and forecasts.months = errors.months
            and forecasts.method = errors.method

),

-- Without a score none is published, and the combined forecast is 1.
ranked as (

    select
        *,
        row_number() over (
            partition by as_of_date, months
            order by coalesce({{ rounded('score', 6) }}, 2), method
        ) as place
    from scored

),

methods as (

    select
        as_of_date,
        months,
        method,
        amount,
        of_open_bills,
        closed_on,
        collected_amount,
        cast(windows as integer) as windows,
        {{ within(rounded('mean_error', 6), 12, 6) }} as mean_error,
        case when windows >= {{ rules.least_windows }} then mean_squared_error end as mean_squared_error,
        place = 1 as is_published
    from ranked

)

select * from methods

-- The mean of what the methods say, each weighted by the inverse of its mean squared error (Bates and Granger 1969).
{{ config(indexes=[{'columns': ['as_of_date', 'months'], 'unique': true}]) }}

with

candidates as (

    select * from {{ ref('cash_candidate') }}

),

errors as (

    {{ forecast_errors(ref('cash_candidate'), 'naive') }}

),

-- Weights against the naive forecast's, which is 1: it has a forecast in every window.
weighted as (

    select
        candidates.as_of_date,
        candidates.months,
        candidates.amount,
        candidates.closed_on,
        candidates.collected_amount,
        case
            when candidates.method = 'naive' then 1
            when errors.squared_error = 0 then 1000000
            else least({{ ratio('errors.rival_squared_error', 'errors.squared_error') }}, 1000000)
        end as weight
    from candidates
    left join errors
        on
            candidates.as_of_date = errors.as_of_date
            and candidates.months = errors.months
            and candidates.method = errors.method
    where
        candidates.method = 'naive'
        or errors.windows >= {{ var('cash_forecast').least_windows }}

),

combined as (

    select
        as_of_date,
        months,
        {{ money(rounded(ratio('sum(weight * amount)', 'sum(weight)'), 2)) }} as amount,
        max(closed_on) as closed_on,
        max(collected_amount) as collected_amount
    from weighted
    group by as_of_date, months

)

select * from combined

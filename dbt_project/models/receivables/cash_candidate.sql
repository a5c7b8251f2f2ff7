-- What each method says comes in within one, two and three months of each date, and what did. All use closed months: of
-- the month that a date falls into, a window has the share that is left, and of its last month the rest.
{{ config(indexes=[{'columns': ['as_of_date', 'months', 'method'], 'unique': true}]) }}

with

months as (

    select * from {{ ref('cash_month') }}

),

windows as (

    select * from {{ ref('cash_window') }}

),

by_age as (

    select * from {{ ref('cash_by_age') }}

),

smoothed as (

    select * from {{ source('ops', 'smoothed_cash') }}

),

dates as (

    select
        dates.as_of_date,
        {{ last_closed_month_end('dates') }} as closed_on
    from {{ ref('as_of_date') }} as dates

),

-- The share of the running month that has passed; none on a month-end.
bases as (

    select
        as_of_date,
        closed_on,
        {{ rounded_ratio(
            exact(dbt.datediff('closed_on', 'as_of_date', 'day')),
            dbt.datediff('closed_on', month_end_after('closed_on', 1), 'day'),
            15
        ) }} as share_passed
    from dates

),

steps as (
    {% for months_ahead in (1, 2, 3, 4) %}
    select {{ months_ahead }} as months_ahead
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

-- What each method says of the months after a month-end, one by one.
month_forecasts as (

    select
        closed.month_end as closed_on,
        steps.months_ahead,
        'seasonal_naive' as method,
        months.collected_amount as amount,
        cast(null as numeric(18, 2)) as of_open_bills
    from months as closed
    cross join steps
    inner join months
        on {{ month_end_after('closed.month_end', 'steps.months_ahead - 12') }} = months.month_end

    union all

    select
        month_end as closed_on,
        months_ahead,
        'exponential_smoothing' as method,
        amount,
        cast(null as numeric(18, 2)) as of_open_bills
    from smoothed

    union all

    select
        by_age.month_end as closed_on,
        by_age.months as months_ahead,
        'by_age' as method,
        by_age.of_open_bills + by_age.of_later_bills
        - coalesce(shorter.of_open_bills + shorter.of_later_bills, 0) as amount,
        by_age.of_open_bills - coalesce(shorter.of_open_bills, 0) as of_open_bills
    from by_age
    left join by_age as shorter
        on
            by_age.month_end = shorter.month_end
            and by_age.months = shorter.months + 1
    where
        by_age.months = 1
        or shorter.month_end is not null

),

weights as (
    {% for months in (1, 2, 3) %}
    select
        bases.as_of_date,
        bases.closed_on,
        {{ months }} as months,
        steps.months_ahead,
        case
            when steps.months_ahead = 1 then 1 - bases.share_passed
            when steps.months_ahead = {{ months + 1 }} then bases.share_passed
            else 1
        end as weight
    from bases
    inner join steps
        on
            steps.months_ahead <= {{ months }}
            or (steps.months_ahead = {{ months + 1 }} and bases.share_passed > 0)
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

months_needed as (

    select
        as_of_date,
        months,
        count(*) as months_needed
    from weights
    group by as_of_date, months

),

weighted as (

    select
        weights.as_of_date,
        weights.months,
        month_forecasts.method,
        sum({{ product('weights.weight', 'month_forecasts.amount') }}) as amount,
        sum({{ product('weights.weight', 'month_forecasts.of_open_bills') }}) as of_open_bills,
        count(*) as months_known
    from weights
    inner join month_forecasts
        on
            weights.closed_on = month_forecasts.closed_on
            and weights.months_ahead = month_forecasts.months_ahead
    group by weights.as_of_date, weights.months, month_forecasts.method

),

candidates as (

    select
        bases.as_of_date,
        windows.months,
        'naive' as method,
        windows.collected_amount as amount,
        cast(null as numeric(18, 2)) as of_open_bills
    from bases
    inner join windows
        on bases.closed_on = windows.month_end
    where windows.months <= 3

    union all

    select
        weighted.as_of_date,
        weighted.months,
        weighted.method,
        weighted.amount,
        weighted.of_open_bills
    from weighted
    inner join months_needed
        on
            weighted.as_of_date = months_needed.as_of_date
            and weighted.months = months_needed.months
            and weighted.months_known = months_needed.months_needed

),

-- What did come in: of month-ends, once the months are closed.
judged as (

    select
        candidates.as_of_date,
        candidates.months,
        candidates.method,
        {{ money(rounded('candidates.amount', 2)) }} as amount,
        {{ money(rounded('candidates.of_open_bills', 2)) }} as of_open_bills,
        windows.month_end as closed_on,
        windows.collected_amount
    from candidates
    left join windows
        on
            candidates.as_of_date = windows.opened_on
            and candidates.months = windows.months

)

select * from judged

-- What is to come in within one, two and three months of each date: of what is open the share that came in lately of the same grade
-- and age, and of what is billed later as much as lately. Beside it what did come in, and what a naive forecast would have said.
{{ config(indexes=[{'columns': ['as_of_date', 'months'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

open_amounts as (

    select * from {{ ref('open_by_grade') }}

),

paid as (

    select * from {{ ref('paid_of_open') }}

),

months as (

    select
        as_of_date,
        sum(collected_amount) as collected_amount
    from {{ ref('receivable_month') }}
    group by as_of_date

),

-- What came in altogether within the months up to each month-end.
windows as (
    {% for months in (1, 2, 3) %}
    select
        dates.as_of_date,
        {{ months }} as months,
        cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', 1 - months, 'dates.month_start')) }} as date) as opened_on,
        sum(months.collected_amount) as collected_amount
    from dates
    inner join months
        on
            months.as_of_date <= dates.as_of_date
            and months.as_of_date > {{ dbt.dateadd('day', -1, dbt.dateadd('month', 1 - months, 'dates.month_start')) }}
    where not dates.is_latest
    group by
        dates.as_of_date,
        cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', 1 - months, 'dates.month_start')) }} as date)
    having count(*) = {{ months }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

paid_in_window as (

    select
        as_of_date,
        months,
        sum(paid_amount) as paid_amount
    from paid
    group by as_of_date, months

),

-- A window is known where what was open at its start is kept.
known_windows as (

    select
        windows.*,
        windows.collected_amount - coalesce(paid_in_window.paid_amount, 0) as collected_of_later_bills
    from windows
    inner join dates
        on windows.opened_on = dates.as_of_date
    left join paid_in_window
        on
            windows.as_of_date = paid_in_window.as_of_date
            and windows.months = paid_in_window.months

),

-- By the windows of the year before each date: how much of each grade and age came in, of all that was open.
rates as (

    select
        dates.as_of_date,
        known_windows.months,
        open_amounts.grade,
        open_amounts.ageing_bucket,
        sum(coalesce(paid.paid_amount, 0)) / nullif(sum(open_amounts.open_amount), 0) as paid_rate
    from dates
    inner join known_windows
        on
            dates.as_of_date >= known_windows.as_of_date
            and dates.year_before < known_windows.as_of_date
    inner join open_amounts
        on known_windows.opened_on = open_amounts.as_of_date
    left join paid
        on
            known_windows.as_of_date = paid.as_of_date
            and known_windows.months = paid.months
            and open_amounts.grade = paid.grade
            and open_amounts.ageing_bucket = paid.ageing_bucket
    group by dates.as_of_date, known_windows.months, open_amounts.grade, open_amounts.ageing_bucket

),

of_open_bills as (

    select
        open_amounts.as_of_date,
        rates.months,
        sum(open_amounts.open_amount * rates.paid_rate) as amount
    from open_amounts
    inner join rates
        on
            open_amounts.as_of_date = rates.as_of_date
            and open_amounts.grade = rates.grade
            and open_amounts.ageing_bucket = rates.ageing_bucket
    group by open_amounts.as_of_date, rates.months

),

of_later_bills as (

    select
        dates.as_of_date,
        known_windows.months,
        avg(known_windows.collected_of_later_bills) as amount
    from dates
    inner join known_windows
        on
            dates.as_of_date >= known_windows.as_of_date
            and dates.year_before < known_windows.as_of_date
    group by dates.as_of_date, known_windows.months

),

parts as (

    select
        dates.as_of_date,
        of_later_bills.months,
        cast(round(coalesce(of_open_bills.amount, 0), 2) as numeric(18, 2)) as of_open_bills,
        cast(round(of_later_bills.amount, 2) as numeric(18, 2)) as of_later_bills,
        windows_before.collected_amount as naive_amount,
        windows_after.collected_amount
    from dates
    inner join of_later_bills
        on dates.as_of_date = of_later_bills.as_of_date
    left join of_open_bills
        on
            of_later_bills.as_of_date = of_open_bills.as_of_date
            and of_later_bills.months = of_open_bills.months
    left join windows as windows_before
        on
            windows_before.as_of_date = case when dates.is_latest then dates.previous_month_end else dates.as_of_date end
            and of_later_bills.months = windows_before.months
    left join windows as windows_after
        on
            dates.as_of_date = windows_after.opened_on
            and of_later_bills.months = windows_after.months

),

forecasts as (

    select
        *,
        of_open_bills + of_later_bills as forecast_amount
    from parts

)

select * from forecasts

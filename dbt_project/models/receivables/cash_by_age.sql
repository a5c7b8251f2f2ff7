-- What is to come in within one to four months of each closed month-end, by age and grade of what is open, and of what
-- is billed later: as in the windows of the year before, of which recent ones count most.
{{ config(indexes=[{'columns': ['month_end', 'months'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where not {{ is_running_month('as_of_date') }}

),

open_amounts as (

    select * from {{ ref('open_by_grade') }}

),

paid as (

    select * from {{ ref('paid_of_open') }}

),

windows as (

    select * from {{ ref('cash_window') }}

),

paid_in_window as (

    select
        as_of_date,
        months,
        sum(paid_amount) as paid_amount
    from paid
    group by as_of_date, months

),

-- Of each month-end the windows of the year before it, where what was open at their start and end is stored.
known_windows as (

    select
        dates.as_of_date as month_end,
        windows.month_end as closed_on,
        windows.months,
        windows.opened_on,
        windows.collected_amount - coalesce(paid_in_window.paid_amount, 0) as collected_of_later_bills,
        power(
            0.5,
            {{ ratio(
                exact(months_after('windows.month_end', 'dates.as_of_date')), var('cash_forecast').half_life_months
            ) }}
        ) as weight
    from dates
    inner join windows
        on
            {{ months_after('windows.month_end', 'dates.as_of_date') }} between 0 and 11
    inner join dates as starts
        on windows.opened_on = starts.as_of_date
    inner join dates as ends
        on windows.month_end = ends.as_of_date
    left join paid_in_window
        on
            windows.month_end = paid_in_window.as_of_date
            and windows.months = paid_in_window.months

),

paid_shares as (

    select
        known_windows.month_end,
        known_windows.months,
        open_amounts.grade,
        open_amounts.ageing_bucket,
        sum(known_windows.weight * coalesce(paid.paid_amount, 0)) as paid_amount,
        sum(known_windows.weight * open_amounts.open_amount) as open_amount
    from known_windows
    inner join open_amounts
        on known_windows.opened_on = open_amounts.as_of_date
    left join paid
        on
            known_windows.closed_on = paid.as_of_date
            and known_windows.months = paid.months
            and open_amounts.grade = paid.grade
            and open_amounts.ageing_bucket = paid.ageing_bucket
    group by known_windows.month_end, known_windows.months, open_amounts.grade, open_amounts.ageing_bucket

),

-- Of a grade that has not owed anything of an age, what was paid of that age by all; of an age that nobody has, of all
-- that was open.
open_shares as (

    select
        open_amounts.as_of_date as month_end,
        shares.months,
        open_amounts.open_amount,
        {{ paid_share('shares.grade = open_amounts.grade and shares.ageing_bucket = open_amounts.ageing_bucket') }}
            as rate_of_grade,
        {{ paid_share('shares.ageing_bucket = open_amounts.ageing_bucket') }} as rate_of_age,
        {{ paid_share('true') }} as rate_of_all
    from open_amounts
    inner join paid_shares as shares
        on open_amounts.as_of_date = shares.month_end
    group by
        open_amounts.as_of_date,
        shares.months,
        open_amounts.grade,
        open_amounts.ageing_bucket,
        open_amounts.open_amount

),

of_open_bills as (

    select
        month_end,
        months,
        sum(open_amount * coalesce(rate_of_grade, rate_of_age, rate_of_all)) as amount
    from open_shares
    group by month_end, months

),

of_later_bills as (

    select
        month_end,
        months,
        {{ ratio('sum(weight * collected_of_later_bills)', 'sum(weight)') }} as amount
    from known_windows
    group by month_end, months

),

parts as (

    select
        of_later_bills.month_end,
        of_later_bills.months,
        {{ money(rounded('coalesce(of_open_bills.amount, 0)', 2)) }} as of_open_bills,
        {{ money(rounded('of_later_bills.amount', 2)) }} as of_later_bills
    from of_later_bills
    left join of_open_bills
        on
            of_later_bills.month_end = of_open_bills.month_end
            and of_later_bills.months = of_open_bills.months

)

select * from parts

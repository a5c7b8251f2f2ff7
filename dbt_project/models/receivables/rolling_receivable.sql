-- The ratios of each date over the last three and twelve closed months. A running month has hardly been billed and is
-- in no window.
{{ config(materialized='view', keys_of='touched_date') }}

{%- set windows = [3, 12] %}
{%- set closing = 'case when dates.is_running_month then dates.previous_month_end else dates.as_of_date end' %}
with

dates as (

    select
        as_of_date,
        previous_month_end,
        {{ dbt.datediff('month_start', 'as_of_date', 'day') }} + 1 as days, -- noqa: LT05
        {{ is_running_month('as_of_date') }} as is_running_month
    from {{ ref('as_of_date') }}

),

months as (

    select * from {{ ref('receivable_month') }}

),

-- Of each date the closed months of the year behind it; the newest is 0 months back.
window_months as (

    select
        dates.as_of_date,
        closed.as_of_date as month_end,
        closed.days,
        {{ months_after('closed.as_of_date', closing) }} as months_back
    from dates
    inner join dates as closed
        on
            not closed.is_running_month
            and {{ months_after('closed.as_of_date', closing) }} between 0 and 11

),

-- A window is known where all its months are.
known_windows as (

    select
        {%- for length in windows %}
        case
            when count(case when months_back < {{ length }} then 1 end) = {{ length }}
                then sum(case when months_back < {{ length }} then days end)
        end as days_{{ length }}_months,
        {%- endfor %}
        as_of_date
    from window_months
    group by as_of_date

),

billed as (

    select
        {%- for length in windows %}
        sum(case when window_months.months_back < {{ length }} then months.billed_amount else 0 end)
            as billed_{{ length }}_months,
        {%- endfor %}
        sum(months.written_off_amount - months.recovered_amount) as net_bad_debt,
        window_months.as_of_date,
        months.region,
        months.org_unit,
        months.segment
    from window_months
    inner join months
        on window_months.month_end = months.as_of_date
    group by window_months.as_of_date, months.region, months.org_unit, months.segment

),

ratios as (

    select
        {%- for length in windows %}
        {%- set days = 'known_windows.days_' ~ length ~ '_months' %}
        {%- set amount = 'billed.billed_' ~ length ~ '_months' %}
        cast({{ days }} as integer) as days_{{ length }}_months,
        case when {{ days }} > 0 then coalesce({{ amount }}, 0) end as billed_{{ length }}_months,
        case when {{ amount }} > 0 then {{ rounded_ratio(product('months.receivable_amount', days), amount, 2) }} end
            as dso_{{ length }}_months,
        case when {{ amount }} > 0 then {{ rounded_ratio(product('months.overdue_amount', days), amount, 2) }} end
            as average_days_delinquent_{{ length }}_months,
        {%- endfor %}
        {#- What was given up and did not come in after all, as a share of the same year's revenue. #}
        case when known_windows.days_12_months > 0 then coalesce(billed.net_bad_debt, 0) end as net_bad_debt_12_months,
        case
            when known_windows.days_12_months > 0 and billed.billed_12_months > 0
                then {{ rounded_ratio('billed.net_bad_debt', 'billed.billed_12_months', 6) }}
        end as bad_debt_share_12_months,
        dates.is_running_month,
        months.as_of_date,
        months.region,
        months.org_unit,
        months.segment
    from months
    inner join dates
        on months.as_of_date = dates.as_of_date
    left join known_windows
        on months.as_of_date = known_windows.as_of_date
    left join billed
        on
            months.as_of_date = billed.as_of_date
            and months.region = billed.region
            and months.org_unit = billed.org_unit
            and months.segment = billed.segment

)

select * from ratios

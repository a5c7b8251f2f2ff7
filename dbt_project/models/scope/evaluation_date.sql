-- Each date that rows are of: the month-ends and the last day that a build covers, and every day of the year of which
-- warnings are stored.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

spine as (

    {{ dbt.date_spine(
        'day',
        "cast('" ~ warned_from() ~ "' as date)",
        "cast('" ~ day_after(as_of_dates() | last) ~ "' as date)"
    ) }}

),

days as (

    select cast(date_day as date) as as_of_date from spine
    {%- for day in as_of_dates() %}

    union

    select cast('{{ day }}' as date) as as_of_date
    {%- endfor %}

),

policies as (

    select
        *,
        lead(effective_from) over (order by effective_from) as replaced_from
    from {{ source('policy', 'policies') }}
    where policy_name = '{{ var("policy_name") }}'

),

-- Of each date the policy in force, and the days that windows are counted from.
dated as (

    select
        days.as_of_date,
        policies.policy_version,
        policies.new_customer_months,
        policies.pursued_from,
        policies.pursued_share_of_bill,
        policies.late_share_of_bill,
        policies.dispute_counts_in_rating,
        cast({{ dbt.date_trunc('month', 'days.as_of_date') }} as date) as month_start,
        {%- for months in payment_windows() %}
        {{ months_back('days.as_of_date', months) }} as {{ window_start(months) }},
        {%- endfor %}
        cast({{ dbt.dateadd('day', -1, dbt.date_trunc('month', 'days.as_of_date')) }} as date) as previous_month_end,
        days.as_of_date in ({{ date_list(as_of_dates()) }}) as is_covered,
        days.as_of_date = {{ last_day() }} as is_latest
    from days
    inner join policies
        on
            days.as_of_date >= policies.effective_from
            and (policies.replaced_from is null or days.as_of_date < policies.replaced_from)

)

select * from dated

-- The provision matrix: of an amount that is so many days overdue on a date, the share that comes to default unpaid, by
-- the bills of the year before when they were as old. IFRS 9, simplified approach.
{{ config(indexes=[{'columns': ['as_of_date', 'segment', 'days_overdue'], 'unique': true}]) }}

{%- set default_age = default_days() + 1 %}
with

dates as (

    select
        dates.as_of_date,
        dates.policy_version,
        dates.year_begins_after,
        policies.least_default_rate
    from {{ ref('allowance_date') }} as dates
    inner join {{ source('policy', 'policies') }} as policies
        on dates.policy_version = policies.policy_version

),

changes as (

    select
        dates.as_of_date,
        changes.segment,
        changes.days_overdue,
        sum(changes.amount) as amount,
        sum(changes.bills) as bills
    from {{ ref('open_by_age') }} as changes
    inner join dates
        on
            changes.as_of_date > dates.year_begins_after
            and changes.as_of_date <= dates.as_of_date
    group by dates.as_of_date, changes.segment, changes.days_overdue

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

ages as (
    {% for age in range(first_age(), default_age + 1) %}
    select {{ age }} as days_overdue
    {{- ' union all' if not loop.last }}
    {%- endfor %}

),

segments as (

    select segment from customers

    union

    select 'unknown' as segment

    union

    select 'all' as segment

),

changes_and_pool as (

    select
        as_of_date,
        segment,
        days_overdue,
        amount,
        bills
    from changes

    union all

    select
        as_of_date,
        'all' as segment,
        days_overdue,
        sum(amount) as amount,
        sum(bills) as bills
    from changes
    group by as_of_date, days_overdue

),

open_amounts as (

    select
        dates.as_of_date,
        dates.policy_version,
        dates.least_default_rate,
        segments.segment,
        ages.days_overdue,
        sum(coalesce(changes.amount, 0)) over by_age as open_amount,
        sum(coalesce(changes.bills, 0)) over by_age as bills
    from dates
    cross join segments
    cross join ages
    left join changes_and_pool as changes
        on
            dates.as_of_date = changes.as_of_date
            and segments.segment = changes.segment
            and ages.days_overdue = changes.days_overdue
    window
        by_age as (
            partition by dates.as_of_date, segments.segment
            order by ages.days_overdue
        )

),

-- Each age beside the last by a window: a join with itself is made row by row, of which the planner knows too little.
at_default as (

    select
        *,
        max(case when days_overdue = {{ default_age }} then open_amount end) over (
            partition by as_of_date, segment
        ) as defaulted_amount
    from open_amounts

),

own_rates as (

    select
        *,
        -- Returned payments may bring more to default than was open.
        case
            when open_amount > 0
                then greatest(least({{ rounded_ratio('defaulted_amount', 'open_amount', 6) }}, 1), 0)
        end as own_default_rate
    from at_default

),

shares as (

    select
        *,
        max(case when segment = 'all' then own_default_rate end) over (
            partition by as_of_date, days_overdue
        ) as pooled_default_rate
    from own_rates

),

-- Of a few bills one more or less would make the share.
chosen as (

    select
        *,
        case
            when own_default_rate is not null and bills >= {{ var('least_cases') }} then 'segment'
            when pooled_default_rate is not null then 'all segments'
            else 'no past'
        end as share_of
    from shares
    where segment <> 'all'

),

measured as (

    select
        *,
        case share_of
            when 'segment' then own_default_rate
            when 'all segments' then pooled_default_rate
            else 1
        end as share
    from chosen

),

-- None that defaulted in a year is no proof that none can.
rates as (

    select
        *,
        case when share < least_default_rate then 'policy' else share_of end as default_rate_of,
        greatest(share, least_default_rate) as default_rate
    from measured

),

matrix as (

    select
        as_of_date,
        policy_version,
        segment,
        days_overdue,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(defaulted_amount as numeric(18, 2)) as defaulted_amount,
        cast(bills as integer) as bills,
        cast(default_rate as numeric(9, 6)) as default_rate,
        default_rate_of,
        cast(round({{ over_scenarios('default_rate') }}, 6) as numeric(9, 6)) as expected_default_rate
    from rates

)

select * from matrix

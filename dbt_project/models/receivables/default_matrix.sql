-- The provision matrix: of an amount that is so many days overdue, the share that comes to default unpaid, by the past
-- year's bills when they were as old. IFRS 9, simplified approach.
{{ config(indexes=[{'columns': ['segment', 'days_overdue'], 'unique': true}]) }}

{%- set default_age = default_days() + 1 %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

changes as (

    select changes.*
    from {{ ref('open_by_age') }} as changes
    inner join dates
        on changes.as_of_date > dates.year_before

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

-- A segment without bills of an age is taken like all of them together.
segments as (

    select segment from customers

    union

    select 'unknown' as segment

    union

    select 'all' as segment

),

changes_and_pool as (

    select
        segment,
        days_overdue,
        sum(amount) as amount
    from changes
    group by segment, days_overdue

    union all

    select
        'all' as segment,
        days_overdue,
        sum(amount) as amount
    from changes
    group by days_overdue

),

open_amounts as (

    select
        segments.segment,
        ages.days_overdue,
        sum(coalesce(changes.amount, 0)) over (
            partition by segments.segment
            order by ages.days_overdue
        ) as open_amount
    from segments
    cross join ages
    left join changes_and_pool as changes
        on
            segments.segment = changes.segment
            and ages.days_overdue = changes.days_overdue

),

at_default as (

    select * from open_amounts
    where days_overdue = {{ default_age }}

),

shares as (

    select
        open_amounts.segment,
        open_amounts.days_overdue,
        open_amounts.open_amount,
        at_default.open_amount as defaulted_amount,
        -- Returned payments may bring more to default than was open.
        case
            when open_amounts.open_amount > 0
                then greatest(least({{ rounded_ratio('at_default.open_amount', 'open_amounts.open_amount', 6) }}, 1), 0)
        end as default_rate
    from open_amounts
    inner join at_default
        on open_amounts.segment = at_default.segment

),

matrix as (

    select
        shares.segment,
        shares.days_overdue,
        cast(shares.open_amount as numeric(18, 2)) as open_amount,
        cast(shares.defaulted_amount as numeric(18, 2)) as defaulted_amount,
        cast(coalesce(shares.default_rate, pooled.default_rate, 1) as numeric(9, 6)) as default_rate
    from shares
    inner join shares as pooled
        on
            shares.days_overdue = pooled.days_overdue
            and pooled.segment = 'all'
    where shares.segment <> 'all'

)

select * from matrix

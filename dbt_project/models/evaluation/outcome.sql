-- What became of every customer who was rated at a month-end: whether he defaulted within the window after it. Of the
-- last day there is only what the supplier reports, perhaps of few: it counts where no month-end has an outcome.
{{ config(schema='outcomes', indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ date_list(as_of_dates()) }})

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date in ({{ date_list(as_of_dates()) }})

),

late_bills as (

    select * from {{ ref('long_overdue_bill') }}

),

reported_outcomes as (

    select * from {{ ref('stg_outcome') }}
    where not is_deleted

),

windows as (

    select
        dates.as_of_date,
        {{ month_end_after('dates.as_of_date', var('evaluation').window_months) }} as window_ends_on,
        latest.as_of_date as known_until,
        dates.is_latest
    from dates
    inner join dates as latest
        on latest.is_latest

),

late_in_window as (

    select
        windows.as_of_date,
        late_bills.customer_id,
        min(
            case
                when
                    late_bills.defaulted_on > windows.as_of_date
                    and late_bills.defaulted_on <= windows.known_until
                    then late_bills.defaulted_on
            end
        ) as defaulted_on,
        min(
            case
                when late_bills.late_on > windows.as_of_date and late_bills.late_on <= windows.known_until
                    then late_bills.late_on
            end
        ) as late_on
    from windows
    inner join late_bills
        on
            windows.as_of_date < coalesce(late_bills.defaulted_on, late_bills.late_on)
            and windows.known_until >= late_bills.late_on
    group by windows.as_of_date, late_bills.customer_id

),

-- What the supplier reports by its own definition comes first.
observed as (

    select
        ratings.as_of_date,
        ratings.customer_id,
        customers.segment,
        customers.region,
        ratings.policy_version,
        ratings.grade,
        ratings.grade_by_policy,
        ratings.override_id is not null as is_overridden,
        ratings.score,
        late_in_window.defaulted_on,
        windows.window_ends_on,
        case
            when ratings.grade_by_policy = 'NR' then 'not rated'
            when reported_outcomes.customer_id is not null then null
            when behaviour.pursued_days_overdue > {{ default_days() }} then 'in default already'
            when windows.window_ends_on > windows.known_until then 'window not over'
        end as exclusion,
        windows.is_latest,
        case
            when reported_outcomes.is_defaulted then 'default'
            when not reported_outcomes.is_defaulted then 'no default'
            when late_in_window.defaulted_on <= windows.window_ends_on then 'default'
            when late_in_window.late_on <= windows.window_ends_on then 'indeterminate'
            else 'no default'
        end as outcome_by_window
    from ratings
    inner join customers
        on ratings.customer_id = customers.customer_id
    inner join windows
        on ratings.as_of_date = windows.as_of_date
    left join behaviour
        on
            ratings.as_of_date = behaviour.as_of_date
            and ratings.customer_id = behaviour.customer_id
    left join late_in_window
        on
            ratings.as_of_date = late_in_window.as_of_date
            and ratings.customer_id = late_in_window.customer_id
    left join reported_outcomes
        on
            ratings.as_of_date = reported_outcomes.as_of_date
            and ratings.customer_id = reported_outcomes.customer_id
    where not windows.is_latest or reported_outcomes.customer_id is not null

),

month_ends as (

    select count(*) as outcomes from observed
    where
        not is_latest
        and exclusion is null

),

counted as (

    select
        observed.*,
        observed.is_latest and month_ends.outcomes > 0 and observed.exclusion is null as is_unused
    from observed
    cross join month_ends

),

outcomes as (

    select
        as_of_date,
        customer_id,
        segment,
        region,
        policy_version,
        grade,
        grade_by_policy,
        is_overridden,
        score,
        window_ends_on,
        defaulted_on,
        case when is_unused then 'last day' else exclusion end as exclusion,
        case when exclusion is null and not is_unused then outcome_by_window end as outcome
    from counted

)

select * from outcomes

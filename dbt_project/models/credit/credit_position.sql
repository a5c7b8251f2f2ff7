-- What customers may owe by their grade, and what they owe with use that is not billed yet, as of each day of the
-- scope.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

scope as (

    select * from {{ ref('as_of_scope') }}

),

dates as (

    select
        *,
        cast({{ dbt.dateadd('month', 1, 'month_start') }} as date) as next_month_start
    from {{ ref('evaluation_date') }}

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

ratings as (

    select * from {{ ref('rating') }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

terms as (

    select * from {{ ref('contract_term') }}

),

limits as (

    select * from {{ source('policy', 'limits') }}

),

season_factors as (

    select * from {{ source('policy', 'season_factors') }}

),

-- Outer joins, each of which finds one row: Postgres would take inner ones on two columns to find next to none.
granted as (

    select
        dates.as_of_date,
        ratings.customer_id,
        ratings.policy_version,
        ratings.grade,
        ratings.grade_rank,
        behaviour.mean_monthly_bill,
        season_factors.peak_season_factor,
        limits.limit_months,
        round(
            case
                when limits.limit_months is null then coalesce(terms.security_amount, 0)
                else
                    {{ product(
                        'greatest(coalesce(behaviour.mean_monthly_bill, 0), 0)',
                        'season_factors.peak_season_factor',
                        'limits.limit_months'
                    ) }}
            end,
            2
        ) as credit_limit,
        behaviour.open_amount,
        behaviour.counted_amount,
        coalesce(behaviour.pursued_days_overdue, 0) as pursued_days_overdue,
        coalesce(behaviour.pursued_from, policies.pursued_from) as pursued_from,
        -- From the end of the last bill's months on.
        coalesce(
            {{ months_after('behaviour.last_period', 'least(dates.as_of_date, customers.closed_on)') }}
            - behaviour.months_per_bill + 1,
            0
        ) as months_without_bill,
        policies.unbilled_months_max,
        {{ days_after('dates.month_start', 'dates.next_month_start') }} as days_of_month,
        -- None are to come of a contract that ended in an earlier month.
        case
            when customers.closed_on < dates.month_start then 0
            else {{ days_after('dates.as_of_date', 'dates.next_month_start') }} - 1
        end as days_to_come,
        coalesce(terms.payment_mode, 'postpaid') <> 'prepaid' as is_on_credit,
        coalesce(terms.deposit_amount, 0) as deposit_amount,
        coalesce(terms.guarantee_amount, 0) as guarantee_amount,
        coalesce(terms.security_amount, 0) as security_amount,
        terms.payment_mode,
        limits.payment_mode as recommended_payment_mode
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join ratings
        on
            scope.customer_id = ratings.customer_id
            and scope.as_of_date = ratings.as_of_date
    left join policies
        on ratings.policy_version = policies.policy_version
    left join customers
        on ratings.customer_id = customers.customer_id
    left join terms
        on
            ratings.customer_id = terms.customer_id
            and dates.as_of_date >= terms.valid_from
            and dates.as_of_date < terms.valid_to
    left join behaviour
        on
            ratings.customer_id = behaviour.customer_id
            and ratings.as_of_date = behaviour.as_of_date
    left join limits
        on
            ratings.policy_version = limits.policy_version
            and ratings.grade = limits.grade
    left join season_factors
        on
            ratings.policy_version = season_factors.policy_version
            and customers.segment = season_factors.segment

),

-- In a limit the running month counts as a whole: what will be owed at its end. What is supplied so far counts its
-- days.
unbilled as (

    select
        *,
        least(greatest(months_without_bill, 0), unbilled_months_max) as unbilled_months,
        least(
            greatest(months_without_bill * days_of_month - days_to_come, 0), unbilled_months_max * days_of_month
        ) as supplied_days,
        case when is_on_credit then greatest(coalesce(mean_monthly_bill, 0), 0) else 0 end as monthly_amount
    from granted

),

amounts as (

    select
        *,
        {{ product('unbilled_months', 'monthly_amount') }} as unbilled_amount,
        {{ rounded_ratio(product('supplied_days', 'monthly_amount'), 'days_of_month', 2) }} as supplied_amount
    from unbilled

),

positions as (

    select
        as_of_date,
        customer_id,
        policy_version,
        grade,
        grade_rank,
        mean_monthly_bill,
        peak_season_factor,
        limit_months,
        credit_limit,
        open_amount,
        counted_amount,
        pursued_days_overdue,
        pursued_from,
        unbilled_amount,
        supplied_amount,
        open_amount + unbilled_amount as exposure,
        {{ rounded_ratio('open_amount + unbilled_amount', 'credit_limit', 4) }} as utilisation,
        deposit_amount,
        guarantee_amount,
        security_amount,
        payment_mode,
        recommended_payment_mode
    from amounts

)

select * from positions

-- The rows that this run replaces in what is published: those of the customers in scope.
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

ratings as (

    select * from {{ ref('rating') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

terms as (

    select * from {{ ref('contract_term') }}

),

behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

conduct as (

    select * from {{ ref('conduct') }}

),

limits as (

    select * from {{ source('policy', 'limits') }}

),

season_factors as (

    select * from {{ source('policy', 'season_factors') }}

),

bills as (

    {{ originals('bill') }}

),

last_billed as (

    select
        scope.customer_id,
        max(bills.period) as last_period
    from scope
    inner join bills
        on
            scope.customer_id = bills.customer_id
            and scope.as_of_date >= bills.issued_on
    where bills.kind = 'regular'
    group by scope.customer_id

),

granted as (

    select
        ratings.customer_id,
        customers.segment,
        customers.region,
        customers.org_unit,
        ratings.grade,
        behaviour.mean_monthly_bill,
        season_factors.peak_season_factor,
        limits.limit_months,
        round(
            case
                when limits.limit_months is null then coalesce(terms.deposit_amount, 0)
                else
                    greatest(coalesce(behaviour.mean_monthly_bill, 0), 0)
                    * season_factors.peak_season_factor
                    * limits.limit_months
            end,
            2
        ) as credit_limit,
        behaviour.open_amount,
        -- The running month counts as a whole: what will be owed at its end.
        least(
            coalesce(
                {{ months_after('last_billed.last_period', 'least(scope.as_of_date, customers.closed_on)') }}, 0
            ),
            policies.unbilled_months_max
        ) as unbilled_months,
        coalesce(terms.payment_mode, 'postpaid') <> 'prepaid' as is_on_credit,
        coalesce(terms.deposit_amount, 0) as deposit_amount,
        coalesce(conduct.guarantors, 0) as guarantors,
        terms.payment_mode,
        limits.payment_mode as recommended_payment_mode,
        ratings.policy_version
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join policies
        on ratings.policy_version = policies.policy_version
    inner join customers
        on scope.customer_id = customers.customer_id
    inner join terms
        on
            scope.customer_id = terms.customer_id
            and scope.as_of_date >= terms.valid_from
            and scope.as_of_date < terms.valid_to
    inner join behaviour
        on scope.customer_id = behaviour.customer_id
    inner join limits
        on
            ratings.policy_version = limits.policy_version
            and ratings.grade = limits.grade
    inner join season_factors
        on
            ratings.policy_version = season_factors.policy_version
            and customers.segment = season_factors.segment
    left join conduct
        on scope.customer_id = conduct.customer_id
    left join last_billed
        on scope.customer_id = last_billed.customer_id

),

unbilled as (

    select
        *,
        case
            when is_on_credit
                then greatest(unbilled_months, 0) * greatest(coalesce(mean_monthly_bill, 0), 0)
            else 0
        end as unbilled_amount
    from granted

),

exposed as (

    select
        *,
        open_amount + unbilled_amount as exposure
    from unbilled

),

as_contracted as (

    select
        cast(customer_id as text) as customer_id,
        cast(segment as text) as segment,
        cast(region as text) as region,
        cast(org_unit as text) as org_unit,
        cast(grade as text) as grade,
        cast(mean_monthly_bill as numeric(18, 2)) as mean_monthly_bill,
        cast(peak_season_factor as numeric(4, 2)) as peak_season_factor,
        cast(limit_months as numeric(4, 2)) as limit_months,
        cast(credit_limit as numeric(18, 2)) as credit_limit,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(unbilled_amount as numeric(18, 2)) as unbilled_amount,
        cast(exposure as numeric(18, 2)) as exposure,
        cast(credit_limit - exposure as numeric(18, 2)) as headroom,
        cast(round(exposure / nullif(credit_limit, 0), 4) as numeric(18, 4)) as utilisation,
        cast(deposit_amount as numeric(18, 2)) as deposit_amount,
        cast(guarantors as integer) as guarantors,
        cast(greatest(exposure - deposit_amount, 0) as numeric(18, 2)) as unsecured_exposure,
        cast(payment_mode as text) as payment_mode,
        cast(recommended_payment_mode as text) as recommended_payment_mode,
        cast(payment_mode <> recommended_payment_mode as boolean) as is_mode_to_change,
        cast(policy_version as text) as policy_version
    from exposed

)

select * from as_contracted

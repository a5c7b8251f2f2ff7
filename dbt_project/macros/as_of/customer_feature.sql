{% macro customer_feature(scope) -%}
    {#- All features of a customer side by side: those with nothing to tell of conduct have none on record. -#}
    {%- set against_segment -%}
        cast(
            round(100 * (use.daily_kwh / nullif(use.median_daily_kwh * seasons.usage_index, 0) - 1), 1)
            as numeric(18, 1)
        )
    {%- endset -%}
with

dates as (

    {{ dates_of(scope) }}

),

behaviour as (

    {{ of_this_run('payment_behaviour', scope) }}

),

conduct as (

    select * from {{ ref(of_scope('conduct', scope)) }}

),

use as (

    select * from {{ ref(of_scope('usage', scope)) }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

terms as (

    select * from {{ ref('contract_term') }}

),

seasons as (

    select * from {{ source('policy', 'season_indices') }}

),

customer_features as (

    select
        {{ date_of(scope, 'behaviour') }}
        behaviour.customer_id,
        behaviour.on_time_rate_12m,
        behaviour.avg_days_late_12m,
        behaviour.times_over_30d_12m,
        behaviour.worst_days_late_12m,
        behaviour.overdue_months,
        behaviour.pursued_bills as overdue_bills,
        behaviour.bounced_12m,
        behaviour.pursued_days_overdue as max_days_overdue,
        cast(coalesce(conduct.theft_or_breach_36m, 0) as numeric(6, 2)) as theft_or_breach_36m,
        coalesce(conduct.theft_24m, 0) as theft_24m,
        coalesce(conduct.breach_12m, 0) as breach_12m,
        coalesce(conduct.open_theft_cases, 0) as open_theft_cases,
        coalesce(conduct.safety_findings_12m, 0) as safety_findings_12m,
        coalesce(conduct.broken_promises_12m, 0) as broken_promises_12m,
        coalesce(conduct.external_risk, 0) as external_risk,
        coalesce(conduct.insolvency_listings, 0) as insolvency_listings,
        coalesce(conduct.dishonest_debtor_listings, 0) as dishonest_debtor_listings,
        coalesce(conduct.court_listings, 0) as court_listings,
        coalesce(conduct.regulatory_listings, 0) as regulatory_listings,
        conduct.investigated_standing,
        {{ months_after('customers.opened_on', 'dates.as_of_date') }} as tenure,
        coalesce(conduct.service_change, 0) as service_change,
        coalesce(conduct.party_change, 0) as party_change,
        case
            when behaviour.mean_monthly_bill > 0
                then cast(round(terms.deposit_amount / behaviour.mean_monthly_bill, 2) as numeric(18, 2))
        end as security,
        use.usage_trend,
        {{ against_segment }} as usage_against_segment,
        use.usage_growth_12m,
        use.load_factor_12m,
        use.peak_share_12m,
        use.power_factor_12m,
        use.estimated_months_12m,
        use.gap_months_12m,
        use.tamper_events_6m,
        case
            when terms.contract_capacity_kva > 0
                then cast(round(100 * use.load_kw_3m / terms.contract_capacity_kva, 1) as numeric(18, 1))
        end as capacity_use,
        -- A drop that a change of service or the segment's season explains is no sign of evasion.
        case
            when use.customer_id is not null
                then
                    case
                        when
                            use.has_dropped
                            and coalesce(conduct.service_change, 0) = 0
                            and {{ against_segment }} < -33.3
                            then 2
                        else 0
                    end
                    + case when use.tamper_events_6m > 0 then 2 else 0 end
                    + case when use.estimated_months_3m >= 3 then 1 else 0 end
        end as evasion_signal,
        case
            when behaviour.mean_monthly_bill >= 0
                then (
                    select max(bill_sizes.percentile) from {{ source('policy', 'bill_sizes') }} as bill_sizes
                    where
                        bill_sizes.policy_version = dates.policy_version
                        and bill_sizes.segment = customers.segment
                        and bill_sizes.mean_monthly_bill <= behaviour.mean_monthly_bill
                )
        end as bill_size,
        coalesce(conduct.closing_orders_6m, 0) as closing_orders_6m,
        coalesce(conduct.months_since_review, {{ months_after('customers.opened_on', 'dates.as_of_date') }})
            as months_since_review,
        behaviour.next_due_on
    from behaviour
    inner join dates
        on {{ 'behaviour.as_of_date = dates.as_of_date' if is_past(scope) else 'true' }}
    left join conduct
        on
            behaviour.customer_id = conduct.customer_id
            {{ 'and behaviour.as_of_date = conduct.as_of_date' if is_past(scope) }}
    left join use
        on
            behaviour.customer_id = use.customer_id
            {{ 'and behaviour.as_of_date = use.as_of_date' if is_past(scope) }}
    left join customers
        on behaviour.customer_id = customers.customer_id
    left join terms
        on
            customers.customer_id = terms.customer_id
            and dates.as_of_date >= terms.valid_from
            and dates.as_of_date < terms.valid_to
    left join seasons
        on
            dates.policy_version = seasons.policy_version
            and customers.segment = seasons.segment
            and extract(month from use.usage_month) = seasons.month

)

select * from customer_features
{%- endmacro %}

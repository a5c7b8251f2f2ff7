-- All features of a customer side by side: those with nothing on record of conduct have none.
-- No CTE: through a view that has one Postgres reads all rows, whatever is asked of it.
{{ config(materialized='view', keys_of='as_of_scope') }}

select
    behaviour.as_of_date,
    behaviour.customer_id,
    {%- for name in measured_features() %}
    behaviour.{{ name }},
    {%- endfor %}
    behaviour.on_time_trend,
    behaviour.days_late_trend,
    behaviour.late_streak,
    behaviour.on_time_streak,
    behaviour.months_since_late,
    behaviour.days_late_spread_12m,
    behaviour.bills_due_12m,
    behaviour.months_billed_12m,
    behaviour.overdue_share,
    behaviour.disputed_share,
    behaviour.open_months,
    behaviour.bill_spread_12m,
    behaviour.bounced_1m,
    behaviour.bounced_3m,
    behaviour.bounced_6m,
    behaviour.overdue_months,
    behaviour.pursued_bills as overdue_bills,
    behaviour.bounced_12m,
    behaviour.pursued_days_overdue as max_days_overdue,
    cast(coalesce(conduct.theft_or_breach_36m, 0) as numeric(6, 2)) as theft_or_breach_36m,
    {%- for name in event_features() %}
    coalesce(conduct.{{ name }}, 0) as {{ name }},
    {%- endfor %}
    coalesce(conduct.external_risk, 0) as external_risk,
    conduct.investigated_standing,
    {{ months_after('customers.opened_on', 'dates.as_of_date') }} as tenure,
    case
        when behaviour.mean_monthly_bill > 0
            then cast(
                {{ rounded_ratio('terms.security_amount', 'behaviour.mean_monthly_bill', 2) }} as numeric(18, 2)
            )
    end as security,
    use.usage_trend,
    use.usage_against_segment,
    use.usage_growth_12m,
    use.load_factor_12m,
    use.peak_share_12m,
    use.power_factor_12m,
    use.estimated_months_12m,
    use.gap_months_12m,
    use.tamper_events_6m,
    case
        when terms.contract_capacity_kva > 0
            then cast(
                {{ rounded_ratio('100 * use.load_kva_3m', 'terms.contract_capacity_kva', 1) }} as numeric(18, 1)
            )
    end as capacity_use,
    -- A drop that a change of service or the segment's season explains is no sign of evasion.
    case
        when use.customer_id is not null
            then
                case
                    when
                        use.has_dropped
                        and coalesce(conduct.service_change, 0) = 0
                        and use.usage_against_segment < -33.3
                        then 2
                    else 0
                end
                + case when use.tamper_events_6m > 0 then 2 else 0 end
                + case when use.estimated_months_3m >= 3 then 1 else 0 end
    end as evasion_signal,
    case
        when behaviour.mean_monthly_bill >= 0
            then {{
                bill_size(
                    'dates.policy_version', 'customers.segment', 'behaviour.mean_monthly_bill', 'bill_size_bounds'
                )
            }}
    end as bill_size,
    coalesce(conduct.months_since_review, {{ months_after('customers.opened_on', 'dates.as_of_date') }})
        as months_since_review,
    {%- for name in attribute_features() %}
    attributes.{{ name }},
    {%- endfor %}
    behaviour.next_due_on
from {{ ref('payment_behaviour') }} as behaviour
inner join {{ ref('evaluation_date') }} as dates
    on behaviour.as_of_date = dates.as_of_date
left join {{ ref('conduct') }} as conduct
    on
        behaviour.customer_id = conduct.customer_id
        and behaviour.as_of_date = conduct.as_of_date
left join {{ ref('attribute') }} as attributes
    on
        behaviour.customer_id = attributes.customer_id
        and behaviour.as_of_date = attributes.as_of_date
left join {{ ref('usage') }} as use
    on
        behaviour.customer_id = use.customer_id
        and behaviour.as_of_date = use.as_of_date
left join {{ ref('stg_customer') }} as customers
    on
        behaviour.customer_id = customers.customer_id
        and not customers.is_deleted
left join {{ ref('contract_term') }} as terms
    on
        customers.customer_id = terms.customer_id
        and dates.as_of_date >= terms.valid_from
        and dates.as_of_date < terms.valid_to
left join ({{ bill_size_dates() }}) as bill_size_dates  -- noqa: ST05
    on dates.as_of_date = bill_size_dates.as_of_date
left join {{ ref('bill_size_bound') }} as bill_size_bounds
    on
        bill_size_dates.basis_date = bill_size_bounds.basis_date
        and customers.segment = bill_size_bounds.segment

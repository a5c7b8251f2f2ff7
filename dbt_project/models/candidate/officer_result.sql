{{ config(indexes=[{'columns': ['officer_id', 'overdue_month'], 'unique': true}]) }}

{%- set days_recovered = [30, 60, 90] %}
with

months as (

    select * from {{ ref('officer_month') }}

),

as_contracted as (

    select
        cast(officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(overdue_month as date) as overdue_month,
        cast(late_bills as integer) as late_bills,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        {%- for days in days_recovered %}
        cast(recovered_{{ days }} as numeric(18, 2)) as recovered_{{ days }},
        {%- endfor %}
        {%- for days in days_recovered %}
        cast(
            case when is_over_{{ days }} then {{ rounded_ratio('recovered_' ~ days, 'overdue_amount', 4) }} end
            as numeric(6, 4)
        ) as recovered_rate_{{ days }},
        cast(target_{{ days }} as numeric(6, 4)) as target_{{ days }},
        {%- endfor %}
        cast(promises_due as integer) as promises_due,
        cast(promises_kept as integer) as promises_kept,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast({{ rounded('effective_bills', 1) }} as numeric(12, 1)) as effective_bills,
        {%- for days in days_recovered %}
        {%- set rate = ratio('recovered_' ~ days, 'overdue_amount') %}
        case when is_over_{{ days }} then {{ interval_of_share(rate, 'effective_bills', '-') }} end
            as recovered_rate_{{ days }}_low,
        case when is_over_{{ days }} then {{ interval_of_share(rate, 'effective_bills', '+') }} end
            as recovered_rate_{{ days }}_high,
        {%- endfor %}
        cast({{ rounded_ratio('promises_kept * 1.0', 'promises_due', 4) }} as numeric(6, 4)) as kept_rate,
        {{ interval_of_share(ratio('promises_kept * 1.0', 'promises_due'), 'promises_due', '-') }} as kept_rate_low,
        {{ interval_of_share(ratio('promises_kept * 1.0', 'promises_due'), 'promises_due', '+') }} as kept_rate_high
    from months

)

select * from as_contracted

{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

months as (

    select * from {{ ref('receivable_month') }}

),

effectiveness as (

    select * from {{ ref('collection_effectiveness') }}

),

rolling as (

    select * from {{ ref('rolling_receivable') }}

),

billed_months as (

    select * from {{ ref('billing_month_collection') }}

),

arrears as (

    select * from {{ ref('arrears_month') }}

),

as_contracted as (

    select
        cast(months.as_of_date as date) as as_of_date,
        cast(months.region as {{ dbt.type_string() }}) as region,
        cast(months.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(months.segment as {{ dbt.type_string() }}) as segment,
        cast(months.opening_balance as numeric(18, 2)) as opening_balance,
        cast(months.billed_amount as numeric(18, 2)) as billed_amount,
        cast(months.collected_amount as numeric(18, 2)) as collected_amount,
        cast(months.written_off_amount as numeric(18, 2)) as written_off_amount,
        cast(months.closing_balance as numeric(18, 2)) as closing_balance,
        cast(months.receivable_amount as numeric(18, 2)) as receivable_amount,
        cast(months.overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(months.unallocated_amount as numeric(18, 2)) as unallocated_amount,
        cast(months.written_off_to_date as numeric(18, 2)) as written_off_to_date,
        {{ within('months.dso', 10, 2) }} as dso,
        {{ within('months.average_days_delinquent', 10, 2) }} as average_days_delinquent,
        {{ within('months.collection_rate', 10, 4) }} as collection_rate,
        {{ within('effectiveness.cei', 10, 2) }} as cei,
        cast(months.billed_gross_amount as numeric(18, 2)) as billed_gross_amount,
        cast(months.collected_gross_amount as numeric(18, 2)) as collected_gross_amount,
        cast(months.refunded_amount as numeric(18, 2)) as refunded_amount,
        cast(months.recovered_amount as numeric(18, 2)) as recovered_amount,
        cast(months.recovered_to_date as numeric(18, 2)) as recovered_to_date,
        cast(rolling.is_running_month as boolean) as is_running_month,
        cast(rolling.days_3_months as integer) as days_3_months,
        cast(rolling.billed_3_months as numeric(18, 2)) as billed_3_months,
        {{ within('rolling.dso_3_months', 10, 2) }} as dso_3_months,
        {{ within('rolling.average_days_delinquent_3_months', 10, 2) }} as average_days_delinquent_3_months,
        cast(rolling.days_12_months as integer) as days_12_months,
        cast(rolling.billed_12_months as numeric(18, 2)) as billed_12_months,
        {{ within('rolling.dso_12_months', 10, 2) }} as dso_12_months,
        {{ within('rolling.average_days_delinquent_12_months', 10, 2) }} as average_days_delinquent_12_months,
        cast(rolling.net_bad_debt_12_months as numeric(18, 2)) as net_bad_debt_12_months,
        {{ within('rolling.bad_debt_share_12_months', 12, 6) }} as bad_debt_share_12_months,
        cast(billed_months.standing_amount as numeric(18, 2)) as month_bills_amount,
        cast(billed_months.collected_in_month as numeric(18, 2)) as current_collected_amount,
        {{ collected_share('billed_months.collected_in_month', 'billed_months.standing_amount') }}
            as current_collection_rate,
        cast(arrears.arrears_amount as numeric(18, 2)) as arrears_amount,
        cast(arrears.collected_amount as numeric(18, 2)) as arrears_collected_amount,
        {{ collected_share('arrears.collected_amount', 'arrears.arrears_amount') }} as arrears_collection_rate,
        cast(arrears.not_due_amount as numeric(18, 2)) as not_due_amount,
        cast(arrears.not_due_collected_amount as numeric(18, 2)) as not_due_collected_amount,
        {{ collected_share('arrears.not_due_collected_amount', 'arrears.not_due_amount') }} as not_due_collection_rate,
        cast(billed_months.collected_0 as numeric(18, 2)) as month_bills_collected_0,
        {{ collected_share('billed_months.collected_0', 'billed_months.standing_amount') }} as collected_share_0,
        cast(billed_months.collected_30 as numeric(18, 2)) as month_bills_collected_30,
        {{ collected_share('billed_months.collected_30', 'billed_months.standing_amount') }} as collected_share_30,
        cast(billed_months.collected_60 as numeric(18, 2)) as month_bills_collected_60,
        {{ collected_share('billed_months.collected_60', 'billed_months.standing_amount') }} as collected_share_60,
        cast(billed_months.collected_90 as numeric(18, 2)) as month_bills_collected_90,
        {{ collected_share('billed_months.collected_90', 'billed_months.standing_amount') }} as collected_share_90,
        cast(billed_months.collected_180 as numeric(18, 2)) as month_bills_collected_180,
        {{ collected_share('billed_months.collected_180', 'billed_months.standing_amount') }} as collected_share_180,
        cast(billed_months.bills as integer) as month_bills,
        cast({{ rounded('billed_months.effective_bills', 1) }} as numeric(12, 1)) as effective_month_bills
        {%- for days in [0, 30, 60, 90, 180] %}
        {%- set share = ratio('billed_months.collected_' ~ days, 'billed_months.standing_amount') %},
        {{ interval_of_share(share, 'billed_months.effective_bills', '-') }} as collected_share_{{ days }}_low,
        {{ interval_of_share(share, 'billed_months.effective_bills', '+') }} as collected_share_{{ days }}_high
        {%- endfor %}
    from months
    inner join rolling
        on
            months.as_of_date = rolling.as_of_date
            and months.region = rolling.region
            and months.org_unit = rolling.org_unit
            and months.segment = rolling.segment
    left join billed_months
        on
            months.as_of_date = billed_months.as_of_date
            and months.region = billed_months.region
            and months.org_unit = billed_months.org_unit
            and months.segment = billed_months.segment
    left join arrears
        on
            months.as_of_date = arrears.as_of_date
            and months.region = arrears.region
            and months.org_unit = arrears.org_unit
            and months.segment = arrears.segment
    left join effectiveness
        on
            months.as_of_date = effectiveness.as_of_date
            and months.region = effectiveness.region
            and months.org_unit = effectiveness.org_unit
            and months.segment = effectiveness.segment

)

select * from as_contracted

-- What of the debts that fell overdue in a month, by the officer then assigned, came in after so many days.
{{ config(indexes=[{'columns': ['officer_id', 'overdue_month'], 'unique': true}]) }}

{%- set days_recovered = [30, 60, 90] %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where undisputed_amount > 0

),

promises as (

    select * from {{ ref('promise') }}

),

debts as (

    select
        coalesce(officer_id, 'nobody') as officer_id,
        cast({{ dbt.date_trunc('month', dbt.dateadd('day', 1, 'due_on')) }} as date) as overdue_month,
        count(*) as late_bills,
        sum(undisputed_amount) as overdue_amount,
        sum({{ product('undisputed_amount', 'undisputed_amount') }}) as overdue_squares,
        {%- for days in days_recovered %}
        sum(recovered_{{ days }}) as recovered_{{ days }},
        {%- endfor %}
        0 as promises_due,
        0 as promises_kept
    from late_bills
    group by
        coalesce(officer_id, 'nobody'),
        cast({{ dbt.date_trunc('month', dbt.dateadd('day', 1, 'due_on')) }} as date)

),

promised as (

    select
        promises.officer_id,
        cast({{ dbt.date_trunc('month', 'promises.promise_date') }} as date) as overdue_month,
        0 as late_bills,
        0 as overdue_amount,
        0 as overdue_squares,
        {%- for days in days_recovered %}
        0 as recovered_{{ days }},
        {%- endfor %}
        count(*) as promises_due,
        count(case when promises.is_kept then 1 end) as promises_kept
    from promises
    inner join dates
        on promises.stands_until < dates.as_of_date
    where promises.officer_id is not null
    group by
        promises.officer_id,
        cast({{ dbt.date_trunc('month', 'promises.promise_date') }} as date)

),

both_sides as (

    select * from debts

    union all

    select * from promised

),

months as (

    select
        officer_id,
        overdue_month,
        sum(late_bills) as late_bills,
        sum(overdue_amount) as overdue_amount,
        {#- How many bills of one size would say as much (Kish): a few large ones decide a share of money. #}
        {{ ratio(product('sum(overdue_amount)', 'sum(overdue_amount)'), 'sum(overdue_squares)') }} as effective_bills,
        {%- for days in days_recovered %}
        sum(recovered_{{ days }}) as recovered_{{ days }},
        {%- endfor %}
        sum(promises_due) as promises_due,
        sum(promises_kept) as promises_kept
    from both_sides
    group by officer_id, overdue_month

),

targeted as (

    select
        months.*,
        {%- for days in days_recovered %}
        {{ recovery_target(days) }} as target_{{ days }},
        {#- Only once the days have passed for the last bill of the month. #}
        {{ dbt.dateadd('day', days, dbt.dateadd('month', 1, 'months.overdue_month')) }} <= dates.as_of_date
            as is_over_{{ days }},
        {%- endfor %}
        dates.policy_version
    from months
    cross join dates

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
    from targeted

)

select * from as_contracted

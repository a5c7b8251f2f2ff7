-- Of what was billed in a month, and still stands, what was collected within the month and so many days after it fell
-- due.
{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

{%- set days_collected = [0, 30, 60, 90, 180] %}
with

dates as (

    select * from {{ ref('as_of_date') }}

),

bills as (

    select * from {{ ref('bill_collection') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

summed as (

    select
        dates.as_of_date,
        {{ place(with_names=true) }},
        {%- for days in days_collected %}
        sum(bills.collected_{{ days }}) as collected_{{ days }},
        {%- endfor %}
        sum(bills.collected_in_month) as collected_in_month,
        sum(bills.standing_amount) as standing_amount,
        count(case when bills.standing_amount > 0 then 1 end) as bills,
        {{ effective_cases('bills.standing_amount') }} as effective_bills,
        coalesce(max(case when bills.standing_amount > 0 then bills.due_on end), max(bills.due_on)) as last_due_on
    from bills
    inner join dates
        on bills.billed_month = dates.month_start
    left join customers
        on bills.customer_id = customers.customer_id
    group by
        dates.as_of_date,
        {{ place() }}

),

-- A share is known once the days have passed for the last bill of the month that stands.
months as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        last_due_on,
        {%- for days in days_collected %}
        {%- set is_known = dbt.dateadd('day', days, 'last_due_on') ~ ' <= ' ~ last_day() %}
        {{ money('case when ' ~ is_known ~ ' then collected_' ~ days ~ ' end') }} as collected_{{ days }},
        {%- endfor %}
        {{ money('collected_in_month') }} as collected_in_month,
        {{ money('standing_amount') }} as standing_amount,
        bills,
        effective_bills
    from summed

)

select * from months

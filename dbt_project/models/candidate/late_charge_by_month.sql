-- The account of late charges by the billing system's own entries: what was unpaid, and what was billed, paid and
-- waived since.
{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

{%- set kinds = ['billed', 'paid', 'waived'] %}
with

dates as (

    select * from {{ ref('as_of_date') }}

),

entries as (

    select * from {{ ref('stg_late_charge_entry') }}
    where not is_deleted

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

-- A day's entries of a place, so that each date adds up few rows.
by_day as (

    select
        {%- for kind in kinds %}
        sum(case when entries.kind = '{{ kind }}' then entries.amount else 0 end) as {{ kind }}_amount,
        {%- endfor %}
        entries.entered_on,
        {{ place(with_names=true) }}
    from entries
    left join customers
        on entries.customer_id = customers.customer_id
    group by
        entries.entered_on,
        {{ place() }}

),

months as (

    select
        dates.as_of_date,
        by_day.region,
        by_day.org_unit,
        by_day.segment,
        {%- for kind in kinds %}
        {{ money('sum(case when by_day.entered_on >= dates.month_start then by_day.' ~ kind ~ '_amount else 0 end)') }}
            as {{ kind }}_amount,
        {%- endfor %}
        {{ money('sum(by_day.billed_amount - by_day.paid_amount - by_day.waived_amount)') }} as unpaid_amount
    from dates
    inner join by_day
        on dates.as_of_date >= by_day.entered_on
    group by dates.as_of_date, by_day.region, by_day.org_unit, by_day.segment

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(unpaid_amount - billed_amount + paid_amount + waived_amount as numeric(18, 2)) as opening_amount,
        cast(billed_amount as numeric(18, 2)) as billed_amount,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast(waived_amount as numeric(18, 2)) as waived_amount,
        cast(unpaid_amount as numeric(18, 2)) as unpaid_amount
    from months

)

select * from as_contracted

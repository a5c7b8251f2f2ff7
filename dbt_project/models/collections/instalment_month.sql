-- The instalments of plans by the month in which they were to be paid, and what came in for them by their days.
{{ config(indexes=[{'columns': ['due_month', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

promises as (

    select * from {{ ref('promise') }}

),

instalments as (

    select * from {{ ref('instalment') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

judged as (

    select
        instalments.*,
        {{ instalment_outcome('dates.as_of_date') }} as outcome,
        {{ place(with_names=true) }},
        cast({{ dbt.date_trunc('month', 'instalments.due_on') }} as date) as due_month
    from instalments
    cross join dates
    inner join promises
        on
            instalments.action_id = promises.action_id
            and dates.as_of_date >= promises.acted_on
    left join customers
        on instalments.customer_id = customers.customer_id

),

-- After a plan has ended its instalments are due no longer: the debt itself is.
months as (

    select
        due_month,
        region,
        org_unit,
        segment,
        {%- for outcome in ['kept', 'broken', 'open', 'ended'] %}
        count(case when outcome = '{{ outcome }}' then 1 end) as {{ outcome }},
        {%- endfor %}
        {{ money("sum(case when outcome in ('kept', 'broken') then amount else 0 end)") }} as due_amount,
        {{ money("sum(case when outcome in ('kept', 'broken') then paid_amount else 0 end)") }} as paid_amount,
        {{ effective_cases("case when outcome in ('kept', 'broken') then amount end") }} as effective_instalments,
        {{ money("sum(case when outcome = 'open' then amount else 0 end)") }} as open_amount,
        {{ money("sum(case when outcome = 'ended' then amount else 0 end)") }} as ended_amount
    from judged
    group by due_month, region, org_unit, segment

)

select * from months

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

),

as_contracted as (

    select
        cast(due_month as date) as due_month,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(kept as integer) as kept,
        cast(broken as integer) as broken,
        cast(open as integer) as open,
        cast(ended as integer) as ended,
        cast(due_amount as numeric(18, 2)) as due_amount,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast({{ rounded_ratio('paid_amount', 'due_amount', 4) }} as numeric(6, 4)) as paid_share,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(ended_amount as numeric(18, 2)) as ended_amount,
        cast({{ rounded('effective_instalments', 1) }} as numeric(12, 1)) as effective_instalments,
        {{ interval_of_share(ratio('paid_amount', 'due_amount'), 'effective_instalments', '-') }} as paid_share_low,
        {{ interval_of_share(ratio('paid_amount', 'due_amount'), 'effective_instalments', '+') }} as paid_share_high
    from months

)

select * from as_contracted

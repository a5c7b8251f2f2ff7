-- What came in, within one to four months up to each month-end, of what was open before them by grade and age: neither
-- write-offs nor credit notes. If the last day ends its month, that month is closed.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        has_window=true,
        indexes=[{'columns': ['as_of_date', 'months', 'grade', 'ageing_bucket'], 'unique': true}],
    )
}}

with

windows as (
    {% for months in (1, 2, 3, 4) %}
    select
        as_of_date,
        policy_version,
        {{ months }} as months,
        cast(
            {{ dbt.dateadd('day', -1, dbt.dateadd('month', 1 - months, 'month_start')) }} as date
        ) as opened_on
    from {{ ref('touched_date') }}
    where not {{ is_running_month('as_of_date') }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date in ({{ past_month_ends() }})

),

open_bills_now as (

    select * from {{ ref('open_bill') }}

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

{{ reduced_bills() }},

fallen as (

    select
        windows.as_of_date,
        windows.policy_version,
        windows.months,
        before.bill_id,
        before.customer_id,
        windows.opened_on,
        before.open_amount - coalesce(now.open_amount, 0) as fallen_amount,
        {{ days_after('before.due_on', 'windows.opened_on') }} as days_overdue
    from windows
    inner join open_bills as before
        on windows.opened_on = before.as_of_date
    left join open_bills_now as now
        on
            windows.as_of_date = now.as_of_date
            and before.bill_id = now.bill_id
    where before.open_amount > coalesce(now.open_amount, 0)

),

parted as (

    select
        fallen.*,
        {{ reduced_parts('fallen.fallen_amount') }}
    from fallen
    {{ join_reduced('fallen', 'opened_on', 'as_of_date') }}

),

paid as (

    select
        as_of_date,
        policy_version,
        months,
        customer_id,
        opened_on,
        fallen_amount - written_off_part - credited_part as paid_amount,
        days_overdue
    from parted
    where fallen_amount > written_off_part + credited_part

),

aged as (

    select
        *,
        {{ ageing_bucket('days_overdue') }} as ageing_bucket
    from paid

),

graded as (

    select
        paid.as_of_date,
        paid.months,
        paid.opened_on,
        coalesce(ratings.grade, 'none') as grade,
        paid.ageing_bucket,
        paid.paid_amount
    from aged as paid
    left join ratings
        on
            paid.opened_on = ratings.as_of_date
            and paid.customer_id = ratings.customer_id

),

totals as (

    select
        as_of_date,
        months,
        grade,
        ageing_bucket,
        max(opened_on) as opened_on,
        cast(sum(paid_amount) as numeric(18, 2)) as paid_amount
    from graded
    group by as_of_date, months, grade, ageing_bucket

)

select * from totals

-- What became within a closed month of the amounts of each ageing bucket: from which bucket to which, or paid, written
-- off or credited.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        has_window=true,
        indexes=[{'columns': ['as_of_date', 'segment', 'from_bucket', 'to_bucket'], 'unique': true}],
    )
}}

with

dates as (

    select
        touched.*,
        all_dates.previous_month_end
    from {{ ref('touched_date') }} as touched
    inner join {{ ref('as_of_date') }} as all_dates
        on touched.as_of_date = all_dates.as_of_date
    where not {{ is_running_month('touched.as_of_date') }}

),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date in ({{ past_month_ends() }})

),

open_bills_now as (

    select * from {{ ref('open_bill') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

pairs as (

    select
        dates.as_of_date,
        dates.policy_version,
        dates.previous_month_end as opened_on,
        before.bill_id,
        before.customer_id,
        before.open_amount as amount_before,
        coalesce(now.open_amount, 0) as amount_now,
        {{ days_after('before.due_on', 'dates.previous_month_end') }} as days_before,
        {{ days_after('before.due_on', 'dates.as_of_date') }} as days_now
    from dates
    inner join open_bills as before
        on dates.previous_month_end = before.as_of_date
    left join open_bills_now as now
        on
            dates.as_of_date = now.as_of_date
            and before.bill_id = now.bill_id

),

{{ reduced_bills() }},

parted as (

    select
        pairs.*,
        greatest(pairs.amount_before - pairs.amount_now, 0) as fallen_amount,
        {{ reduced_parts('greatest(pairs.amount_before - pairs.amount_now, 0)') }}
    from pairs
    {{ join_reduced('pairs', 'opened_on', 'as_of_date') }}

),

named as (

    select
        as_of_date,
        opened_on,
        customer_id,
        amount_now,
        fallen_amount - written_off_part - credited_part as paid_amount,
        written_off_part as written_off_amount,
        credited_part as credited_amount,
        {{ ageing_bucket('days_before') }} as from_bucket,
        {{ ageing_bucket('days_now') }} as to_bucket
    from parted

),

flows as (

    select
        as_of_date,
        opened_on,
        customer_id,
        from_bucket,
        to_bucket,
        amount_now as amount
    from named
    where amount_now > 0

    {%- for end in ['paid', 'written off', 'credited'] %}
    {%- set amount = end.replace(' ', '_') ~ '_amount' %}

    union all

    select
        as_of_date,
        opened_on,
        customer_id,
        from_bucket,
        '{{ end }}' as to_bucket,
        {{ amount }} as amount
    from named
    where {{ amount }} > 0
    {%- endfor %}

),

rolls as (

    select
        flows.as_of_date,
        coalesce(customers.segment, 'unknown') as segment,
        flows.from_bucket,
        flows.to_bucket,
        max(flows.opened_on) as opened_on,
        cast(sum(flows.amount) as numeric(18, 2)) as amount
    from flows
    left join customers
        on flows.customer_id = customers.customer_id
    group by
        flows.as_of_date,
        coalesce(customers.segment, 'unknown'),
        flows.from_bucket,
        flows.to_bucket

)

select * from rolls

-- What moved each account in each calendar month, each movement in its own month, and all of it to the month's end.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id', 'month'], 'unique': true}],
    )
}}

{%- set flows = [
    'billed', 'credited', 'collected', 'returned', 'refunded', 'unexplained', 'written_off', 'recovered',
] %}
with

movements as (

    select * from {{ ref('movement') }}
    where true {{ only_of_accounts() }}

),

write_off_changes as (

    select * from {{ ref('write_off_change') }}
    where true {{ only_of(changed_customers()) }}

),

changes as (

    {{ account_flows() }}

),

months as (

    select
        customer_id,
        cast({{ dbt.date_trunc('month', 'moved_on') }} as date) as month,
        {%- for flow in flows %}
        sum({{ flow }}) as {{ flow }},
        {%- endfor %}
        max(paid_mark) as paid_mark
    from changes
    group by
        customer_id,
        cast({{ dbt.date_trunc('month', 'moved_on') }} as date)

),

running as (

    select
        customer_id,
        month,
        coalesce(lead(month) over account_months, {{ end_of_time() }}) as next_month,
        {%- for flow in flows %}
        {{ money(flow) }} as {{ flow }}_amount,
        {{ money('sum(' ~ flow ~ ') over account_months') }} as {{ flow }}_to_date,
        {%- endfor %}
        max(paid_mark) over account_months as paid_mark
    from months
    window account_months as (
        partition by customer_id
        order by month
    )

)

select * from running

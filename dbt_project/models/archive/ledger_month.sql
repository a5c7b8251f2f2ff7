-- What was billed to a customer in each calendar month, what came in and what was written off; a reversal in its own month.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id', 'month'], 'unique': true}],
    )
}}

with

bills as (

    {{ originals('bill', changed_customers()) }}

),

reversed_bills as (

    select * from {{ ref('reversed_bill') }}
    where true {{ only_of(changed_customers()) }}

),

payments as (

    {{ originals('payment', changed_customers()) }}

),

bounced_payments as (

    select * from {{ ref('bounced_payment') }}
    where true {{ only_of(changed_customers()) }}

),

write_offs as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind = 'write_off'
        and amount is not null

),

movements as (

    {{ ledger_movements() }}

),

months as (

    select
        customer_id,
        cast({{ dbt.date_trunc('month', 'moved_on') }} as date) as month,
        cast(sum(billed) as numeric(18, 2)) as billed_amount,
        cast(sum(collected) as numeric(18, 2)) as collected_amount,
        cast(sum(written_off) as numeric(18, 2)) as written_off_amount
    from movements
    group by
        customer_id,
        cast({{ dbt.date_trunc('month', 'moved_on') }} as date)

)

select * from months

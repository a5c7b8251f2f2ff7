-- What customers promised to pay, by a plan or by word, and what came in by the day they named.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

promises as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        {{ only_of(changed_customers()) }}
        and kind in ('promise', 'instalment_plan')
        and amount > 0
        and promise_date is not null

),

payments as (

    {{ originals('payment', changed_customers()) }}

),

bounced_payments as (

    select * from {{ ref('bounced_payment') }}

),

paid as (

    select
        promises.action_id,
        sum(payments.amount) as paid_amount
    from promises
    inner join payments
        on
            promises.customer_id = payments.customer_id
            and promises.acted_on <= payments.paid_on
            and promises.promise_date >= payments.paid_on
    left join bounced_payments
        on
            payments.payment_id = bounced_payments.payment_id
            and promises.promise_date >= bounced_payments.reversed_on
    where bounced_payments.payment_id is null
    group by promises.action_id

),

judged as (

    select
        promises.action_id,
        promises.customer_id,
        promises.kind,
        promises.officer_id,
        promises.amount,
        cast(coalesce(paid.paid_amount, 0) as numeric(18, 2)) as paid_amount,
        promises.acted_on,
        promises.promise_date,
        coalesce(paid.paid_amount, 0) >= promises.amount as is_kept
    from promises
    left join paid
        on promises.action_id = paid.action_id

)

select * from judged

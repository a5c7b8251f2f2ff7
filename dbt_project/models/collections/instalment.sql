-- The instalments of plans, and what came in for each by its day.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[
            {'columns': ['action_id', 'due_on'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['account_id']},
        ],
    )
}}

with

parts as (

    select * from {{ ref('promised_part') }}
    where is_instalment {{ only_of(changed_customers()) }}

),

instalments as (

    select
        action_id,
        due_on,
        customer_id,
        account_id,
        amount,
        paid_amount,
        is_paid,
        broken_on
    from parts

)

select * from instalments

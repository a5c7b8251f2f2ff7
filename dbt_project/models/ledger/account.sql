-- Everybody who has an account: by contract, or since money was first asked of him or came from him.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

with

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted {{ only_of(changed_customers()) }}

),

movements as (

    select * from {{ ref('movement') }}
    where true {{ only_of_accounts() }}

),

beginnings as (

    select
        customer_id,
        opened_on as known_from
    from customers

    union all

    select
        account_id as customer_id,
        min(moved_on) as known_from
    from movements
    group by account_id

),

accounts as (

    select
        customer_id,
        min(known_from) as known_from
    from beginnings
    group by customer_id

)

select * from accounts

-- Delivered bills with the parts of their amount, except those that were cancelled as a whole.
{{ config(materialized='view') }}

with

bills as (

    select * from {{ ref('stg_bill') }}
    where
        not is_deleted
        and reverses_bill_id is null

),

cancelled_bills as (

    select * from {{ ref('bill_balance') }}
    where
        valid_to = {{ end_of_time() }}
        and credited_amount = amount

),

standing as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.kind,
        bills.energy_charge,
        bills.demand_charge,
        bills.adjustment,
        bills.amount,
        bills.period,
        bills.issued_on,
        bills.due_on
    from bills
    left join cancelled_bills
        on bills.bill_id = cancelled_bills.bill_id
    where cancelled_bills.bill_id is null

)

select * from standing

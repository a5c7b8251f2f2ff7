-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date = {{ last_day() }}

),

as_contracted as (

    select
        cast(open_bills.bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(open_bills.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(open_bills.issued_on as date) as issued_on,
        cast(open_bills.due_on as date) as due_on,
        cast(open_bills.amount as numeric(18, 2)) as amount,
        cast(open_bills.open_amount as numeric(18, 2)) as open_amount,
        cast(open_bills.disputed_amount > 0 as boolean) as is_disputed,
        cast(open_bills.disputed_amount as numeric(18, 2)) as disputed_amount
    from scope
    inner join open_bills
        on scope.customer_id = open_bills.customer_id

)

select * from as_contracted

-- The hundred customers who owe most, and how much hangs on them.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

open_bills as (

    select * from {{ ref('open_bill') }}

),

debts as (

    select
        customer_id,
        sum(open_amount) as open_amount
    from open_bills
    group by customer_id

),

ranked as (

    select
        customer_id,
        open_amount,
        row_number() over (order by open_amount desc, customer_id asc) as debtor_rank,
        sum(open_amount) over () as total_amount,
        sum(open_amount) over (
            order by open_amount desc, customer_id asc
            rows between unbounded preceding and current row
        ) as cumulative_amount
    from debts

),

largest as (

    select
        customer_id,
        debtor_rank,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(round(open_amount / total_amount, 6) as numeric(9, 6)) as share,
        cast(round(cumulative_amount / total_amount, 6) as numeric(9, 6)) as cumulative_share
    from ranked
    where debtor_rank <= 100

)

select * from largest

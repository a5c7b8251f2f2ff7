-- The hundred customers who owe most, and how much depends on them.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

open_bills as (

    select * from {{ ref('debt_loss') }}

),

debts as (

    select
        customer_id,
        sum(open_amount) as open_amount,
        sum(net_amount) as net_amount,
        sum(expected_loss) as expected_loss
    from open_bills
    group by customer_id

),

ranked as (

    select
        customer_id,
        open_amount,
        net_amount,
        expected_loss,
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
        cast(net_amount as numeric(18, 2)) as net_amount,
        cast(expected_loss as numeric(18, 2)) as expected_loss,
        cast({{ rounded_ratio('open_amount', 'total_amount', 6) }} as numeric(9, 6)) as share,
        cast({{ rounded_ratio('cumulative_amount', 'total_amount', 6) }} as numeric(9, 6)) as cumulative_share
    from ranked
    where debtor_rank <= 100

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(debtor_rank as integer) as debtor_rank,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(share as numeric(9, 6)) as share,
        cast(cumulative_share as numeric(9, 6)) as cumulative_share,
        cast(net_amount as numeric(18, 2)) as net_amount,
        cast(expected_loss as numeric(18, 2)) as expected_loss
    from largest

)

select * from as_contracted

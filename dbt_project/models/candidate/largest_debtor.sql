{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

debtors as (

    select * from {{ ref('debtor_concentration') }}

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
    from debtors

)

select * from as_contracted

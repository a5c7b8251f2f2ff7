{{ config(indexes=[{'columns': ['segment', 'ageing_bucket'], 'unique': true}]) }}

with

losses as (

    select * from {{ ref('expected_credit_loss_matrix') }}

),

as_contracted as (

    select
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(ageing_bucket as {{ dbt.type_string() }}) as ageing_bucket,
        cast(bucket_rank as integer) as bucket_rank,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(loss_rate as numeric(9, 6)) as loss_rate,
        cast(expected_loss as numeric(18, 2)) as expected_loss,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(net_amount as numeric(18, 2)) as net_amount,
        cast(in_default_amount as numeric(18, 2)) as in_default_amount
    from losses

)

select * from as_contracted

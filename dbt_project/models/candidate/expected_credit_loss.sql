-- The provision: what is expected to be lost of the open bills, by segment and bucket.
{{ config(indexes=[{'columns': ['segment', 'ageing_bucket'], 'unique': true}]) }}

with

debts as (

    select * from {{ ref('debt_loss') }}

),

losses as (

    select
        segment,
        ageing_bucket,
        bucket_rank,
        policy_version,
        sum(open_amount) as open_amount,
        sum(net_amount) as net_amount,
        sum(case when is_in_default then open_amount else 0 end) as in_default_amount,
        sum(expected_loss) as expected_loss
    from debts
    group by segment, ageing_bucket, bucket_rank, policy_version

),

rated as (

    select
        *,
        cast({{ rounded_ratio('expected_loss', 'open_amount', 6) }} as numeric(9, 6)) as loss_rate
    from losses

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
    from rated

)

select * from as_contracted

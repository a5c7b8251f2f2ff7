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

)

select * from rated

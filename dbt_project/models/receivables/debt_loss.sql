-- The loss to be expected of each open bill: the one figure that work-list, provision and reports add up.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}]) }}

with

debts as (

    select
        *,
        greatest(age, 0) as days_overdue
    from {{ ref('net_debt') }}
    where as_of_date = {{ last_day() }}

),

buckets as (

    select * from {{ source('policy', 'ageing_buckets') }}

),

matrix as (

    select
        segment,
        days_overdue,
        expected_default_rate
    from {{ ref('default_matrix') }}
    where as_of_date = {{ last_day() }}

),

aged as (

    select
        debts.*,
        buckets.ageing_bucket,
        buckets.bucket_rank
    from debts
    inner join buckets
        on
            debts.policy_version = buckets.policy_version
            and debts.days_overdue >= coalesce(buckets.from_days, 0)
            and (buckets.to_days is null or buckets.to_days >= debts.days_overdue)

),

-- In default it is certain; what is disputed, or too small to be pursued, is not in default, however old.
weighed as (

    select
        aged.*,
        {{ probability_of_default('aged') }} as probability_of_default,
        {{ loss_given_default('aged.age') }} as loss_given_default
    from aged
    left join matrix
        on
            aged.segment = matrix.segment
            and aged.matrix_age = matrix.days_overdue

),

expected as (

    select
        bill_id,
        customer_id,
        policy_version,
        segment,
        ageing_bucket,
        bucket_rank,
        is_in_default,
        open_amount,
        net_amount,
        cast(probability_of_default as numeric(9, 6)) as probability_of_default,
        cast(loss_given_default as numeric(9, 6)) as loss_given_default,
        {{ money('round(' ~ product('net_amount', 'probability_of_default', 'loss_given_default') ~ ', 2)') }}
            as expected_loss
    from weighed

)

select * from expected

-- Month-ends that no changed fact reaches back to stay as they are; the last day is always counted again.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment', 'ageing_bucket'], 'unique': true}],
    )
}}

with

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

open_bills as (

    {{ open_bills_by_date() }}

),

buckets as (

    select * from {{ source('policy', 'ageing_buckets') }}

),

aged as (

    select
        open_bills.as_of_date,
        {{ place(with_names=true) }},
        buckets.ageing_bucket,
        buckets.bucket_rank,
        cast(sum(open_bills.open_amount) as numeric(18, 2)) as open_amount,
        count(*) as open_bills,
        count(distinct open_bills.customer_id) as customers
    from open_bills
    inner join buckets
        on
            open_bills.policy_version = buckets.policy_version
            and {{ days_after('open_bills.due_on', 'open_bills.as_of_date') }} >= coalesce(buckets.from_days, 0)
            and (
                buckets.to_days is null
                or {{ days_after('open_bills.due_on', 'open_bills.as_of_date') }} <= buckets.to_days
            )
    left join customers
        on open_bills.customer_id = customers.customer_id
    group by
        open_bills.as_of_date,
        {{ place() }},
        buckets.ageing_bucket,
        buckets.bucket_rank

)

select * from aged

with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

bills as (

    select * from {{ ref('bill_as_of') }}

),

buckets as (

    select * from {{ source('policy', 'ageing_buckets') }}

),

aged as (

    select
        bills.as_of_date,
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.segment, 'unknown') as segment,
        buckets.ageing_bucket,
        buckets.bucket_rank,
        sum(bills.open_amount) as open_amount,
        count(*) as open_bills,
        count(distinct bills.customer_id) as customers
    from bills
    inner join dates
        on bills.as_of_date = dates.as_of_date
    inner join buckets
        on
            dates.policy_version = buckets.policy_version
            and {{ days_after('bills.due_on', 'bills.as_of_date') }} >= coalesce(buckets.from_days, 0)
            and (buckets.to_days is null or {{ days_after('bills.due_on', 'bills.as_of_date') }} <= buckets.to_days)
    left join customers
        on bills.customer_id = customers.customer_id
    where bills.open_amount > 0
    group by bills.as_of_date, customers.region, customers.segment, buckets.ageing_bucket, buckets.bucket_rank

)

select * from aged

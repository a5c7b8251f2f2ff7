-- The loss to be expected of each open bill: the one figure that work-list, provision and reports add up.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}]) }}

{%- set default_age = default_days() + 1 %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

open_bills as (

    select * from {{ ref('open_bill') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

terms as (

    select * from {{ ref('contract_term') }}

),

scores as (

    select * from {{ ref('score') }}
    where as_of_date = {{ last_day() }}

),

buckets as (

    select * from {{ source('policy', 'ageing_buckets') }}

),

matrix as (

    select
        segment,
        days_overdue,
        default_rate
    from {{ ref('default_matrix') }}

),

-- A deposit stands against the oldest bills first.
secured as (

    select
        dates.as_of_date,
        dates.policy_version,
        open_bills.customer_id,
        open_bills.bill_id,
        open_bills.open_amount,
        coalesce(customers.segment, 'unknown') as segment,
        {{ days_after('open_bills.due_on', 'dates.as_of_date') }} as days_overdue,
        {{ dbt.datediff('open_bills.due_on', 'dates.as_of_date', 'day') }} as age, -- noqa: LT05
        coalesce(scores.is_in_default, false) as is_in_default,
        greatest(coalesce(terms.deposit_amount, 0), 0) as deposit_amount,
        sum(open_bills.open_amount) over (
            partition by open_bills.customer_id
            order by open_bills.due_on, open_bills.bill_id
            rows between unbounded preceding and current row
        ) as open_by_then
    from open_bills
    cross join dates
    left join customers
        on open_bills.customer_id = customers.customer_id
    left join scores
        on open_bills.customer_id = scores.customer_id
    left join terms
        on
            open_bills.customer_id = terms.customer_id
            and dates.as_of_date >= terms.valid_from
            and dates.as_of_date < terms.valid_to

),

netted as (

    select
        *,
        greatest(least(open_amount, open_by_then - deposit_amount), 0) as net_amount
    from secured

),

aged as (

    select
        netted.*,
        buckets.ageing_bucket,
        buckets.bucket_rank,
        greatest(least(netted.age, {{ default_days() }}), {{ first_age() }}) as matrix_age
    from netted
    inner join buckets
        on
            netted.policy_version = buckets.policy_version
            and netted.days_overdue >= coalesce(buckets.from_days, 0)
            and (buckets.to_days is null or buckets.to_days >= netted.days_overdue)

),

-- In default it is certain; what is disputed, or too small to be pursued, is not in default, however old.
weighed as (

    select
        aged.*,
        case when aged.is_in_default then 1 else coalesce(matrix.default_rate, 1) end as probability_of_default,
        {{ loss_given_default('greatest(aged.days_overdue, ' ~ default_age ~ ')') }} as loss_given_default
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
        {{ money('net_amount') }} as net_amount,
        cast(probability_of_default as numeric(9, 6)) as probability_of_default,
        cast(loss_given_default as numeric(9, 6)) as loss_given_default,
        {{ money('round(' ~ product('net_amount', 'probability_of_default', 'loss_given_default') ~ ', 2)') }}
            as expected_loss
    from weighed

)

select * from expected

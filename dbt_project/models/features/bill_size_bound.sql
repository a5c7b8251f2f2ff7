-- From which mean monthly bill on a customer belongs to the upper tenths of its segment, by a day's bills: a row a day
-- and segment. What a release used is read as it was then, so that late corrections of other customers' bills move no
-- rating.
{{ config(indexes=[{'columns': ['basis_date', 'segment'], 'unique': true}]) }}

with

stored as (

    select * from {{ source('ops', 'bill_size_bounds') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

-- A segment whose customers are loaded later has bounds of its own for the months before.
stored_segments as (

    select distinct
        basis_date,
        segment
    from stored

),

-- Where nobody had a bill on a month-end before it, of a release the last day itself, the first of a month.
bills as (

    select
        as_of_date,
        customer_id,
        mean_monthly_bill
    from {{ ref('payment_behaviour') }}
    where as_of_date in ({{ past_month_ends() }})

    union all

    select
        as_of_date,
        customer_id,
        mean_monthly_bill
    from {{ ref('payment_behaviour') }}
    where
        as_of_date = {{ last_day() }}
        and not exists (
            select 1 from {{ ref('payment_behaviour') }} as earlier
            where
                earlier.as_of_date in ({{ past_month_ends() }})
                and earlier.mean_monthly_bill >= 0
        )
        and not exists (
            select 1 from stored
            where stored.basis_date >= cast({{ dbt.date_trunc('month', last_day()) }} as date)
        )

),

ranked as (

    select
        bills.as_of_date as basis_date,
        customers.segment,
        bills.mean_monthly_bill,
        -- Of equal bills none is smaller than the other.
        rank() over (
            partition by bills.as_of_date, customers.segment
            order by bills.mean_monthly_bill
        ) - 1 as smaller,
        count(*) over (partition by bills.as_of_date, customers.segment) as customers
    from bills
    inner join customers
        on bills.customer_id = customers.customer_id
    left join stored_segments
        on
            bills.as_of_date = stored_segments.basis_date
            and customers.segment = stored_segments.segment
    where
        bills.mean_monthly_bill >= 0
        and stored_segments.segment is null

),

computed as (

    select
        basis_date,
        segment,
        {%- for percentile in range(10, 100, 10) %}
        cast(min(case when 100 * smaller >= {{ percentile }} * customers then mean_monthly_bill end) as numeric(18, 2))
            as from_{{ percentile }},
        {%- endfor %}
        cast(max(customers) as integer) as customers
    from ranked
    group by
        basis_date,
        segment

),

stored_as_row as (

    select
        basis_date,
        segment,
        {%- for percentile in range(10, 100, 10) %}
        cast(max(case when percentile = {{ percentile }} then mean_monthly_bill end) as numeric(18, 2))
            as from_{{ percentile }},
        {%- endfor %}
        max(customers) as customers
    from stored
    group by
        basis_date,
        segment

)

select * from computed
union all
select * from stored_as_row

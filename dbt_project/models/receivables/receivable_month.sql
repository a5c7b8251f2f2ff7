-- Month-ends that no changed fact reaches back to stay as they are; the last day is always counted anew.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'region', 'segment'], 'unique': true}],
    )
}}

with

dates as (

    select * from {{ ref('touched_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

bills as (

    {{ originals('bill') }}

),

reversed_bills as (

    select * from {{ ref('reversed_bill') }}

),

payments as (

    {{ originals('payment') }}

),

bounced_payments as (

    select * from {{ ref('bounced_payment') }}

),

open_bills as (

    {{ open_bills_by_date() }}

),

-- Everything that moves or makes up the receivables of a month, a reversal in the month it happened.
movements as (

    select
        dates.as_of_date,
        bills.customer_id,
        bills.amount as billed,
        0 as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join bills
        on
            dates.month_start <= bills.issued_on
            and dates.as_of_date >= bills.issued_on

    union all

    select
        dates.as_of_date,
        reversed_bills.customer_id,
        -reversed_bills.amount as billed,
        0 as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join reversed_bills
        on
            dates.month_start <= reversed_bills.reversed_on
            and dates.as_of_date >= reversed_bills.reversed_on

    union all

    select
        dates.as_of_date,
        payments.customer_id,
        0 as billed,
        payments.amount as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join payments
        on
            dates.month_start <= payments.paid_on
            and dates.as_of_date >= payments.paid_on

    union all

    select
        dates.as_of_date,
        bounced_payments.customer_id,
        0 as billed,
        -bounced_payments.amount as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join bounced_payments
        on
            dates.month_start <= bounced_payments.reversed_on
            and dates.as_of_date >= bounced_payments.reversed_on

    union all

    select
        as_of_date,
        customer_id,
        0 as billed,
        0 as collected,
        open_amount as receivable,
        case when due_on < as_of_date then open_amount else 0 end as overdue
    from open_bills

),

totals as (

    select
        movements.as_of_date,
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.segment, 'unknown') as segment,
        cast(sum(movements.billed) as numeric(18, 2)) as billed_amount,
        cast(sum(movements.collected) as numeric(18, 2)) as collected_amount,
        cast(sum(movements.receivable) as numeric(18, 2)) as receivable_amount,
        cast(sum(movements.overdue) as numeric(18, 2)) as overdue_amount
    from movements
    left join customers
        on movements.customer_id = customers.customer_id
    group by
        movements.as_of_date,
        coalesce(customers.region, 'unknown'),
        coalesce(customers.segment, 'unknown')

),

ratios as (

    select
        totals.as_of_date,
        totals.region,
        totals.segment,
        totals.billed_amount,
        totals.collected_amount,
        totals.receivable_amount,
        totals.overdue_amount,
        case
            when totals.billed_amount > 0
                then round(
                    totals.receivable_amount / totals.billed_amount
                    * ({{ dbt.datediff('dates.month_start', 'dates.as_of_date', 'day') }} + 1), 2
                )
        end as dso,
        case
            when totals.billed_amount > 0 then round(totals.collected_amount / totals.billed_amount, 4)
        end as collection_rate
    from totals
    inner join dates
        on totals.as_of_date = dates.as_of_date

)

select * from ratios

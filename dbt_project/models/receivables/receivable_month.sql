with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

bills as (

    select * from {{ ref('bill_ledger') }}

),

payments as (

    select * from {{ ref('payment_ledger') }}

),

bills_then as (

    select * from {{ ref('bill_as_of') }}

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
        on bills.issued_on between dates.month_start and dates.as_of_date

    union all

    select
        dates.as_of_date,
        bills.customer_id,
        -bills.amount as billed,
        0 as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join bills
        on bills.reversed_on between dates.month_start and dates.as_of_date

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
        on payments.paid_on between dates.month_start and dates.as_of_date

    union all

    select
        dates.as_of_date,
        payments.customer_id,
        0 as billed,
        -payments.amount as collected,
        0 as receivable,
        0 as overdue
    from dates
    inner join payments
        on payments.reversed_on between dates.month_start and dates.as_of_date

    union all

    select
        as_of_date,
        customer_id,
        0 as billed,
        0 as collected,
        open_amount as receivable,
        case when due_on < as_of_date then open_amount else 0 end as overdue
    from bills_then
    where open_amount > 0

),

totals as (

    select
        movements.as_of_date,
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.segment, 'unknown') as segment,
        sum(movements.billed) as billed_amount,
        sum(movements.collected) as collected_amount,
        sum(movements.receivable) as receivable_amount,
        sum(movements.overdue) as overdue_amount
    from movements
    left join customers
        on movements.customer_id = customers.customer_id
    group by movements.as_of_date, customers.region, customers.segment

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

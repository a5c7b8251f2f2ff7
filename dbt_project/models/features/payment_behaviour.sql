with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('customer_as_of') }}

),

bills as (

    select * from {{ ref('bill_as_of') }}

),

payments as (

    select * from {{ ref('payment_ledger') }}

),

bill_figures as (

    select
        as_of_date,
        customer_id,
        sum(case when is_due_in_year then paid_in_time end)
        / nullif(sum(case when is_due_in_year then greatest(amount, 0) end), 0) as on_time_rate_12m,
        sum(case when is_due_in_year then days_late * greatest(amount, 0) end)
        / nullif(sum(case when is_due_in_year then greatest(amount, 0) end), 0) as avg_days_late_12m,
        count(case when is_due_in_year and days_late > 30 then 1 end) as times_over_30d_12m,
        count(case when is_due_in_year then 1 end) as bills_due_12m,
        sum(case when is_issued_in_year then amount end)
        / nullif(count(distinct case when is_issued_in_year then {{ dbt.date_trunc('month', 'issued_on') }} end), 0)
            as mean_monthly_bill,
        sum(open_amount) as open_amount,
        sum(case when due_on < as_of_date then open_amount else 0 end) as overdue_amount,
        max(case when open_amount > 0 then {{ days_after('due_on', 'as_of_date') }} else 0 end)
            as max_days_overdue,
        min(case when open_amount > 0 and due_on >= as_of_date then {{ dbt.datediff('as_of_date', 'due_on', 'day') }} end)
            as days_to_next_due
    from bills
    group by as_of_date, customer_id

),

bounced as (

    select
        dates.as_of_date,
        payments.customer_id,
        count(*) as bounced_12m
    from dates
    inner join payments
        on
            payments.reversed_on > dates.year_before
            and payments.reversed_on <= dates.as_of_date
    group by dates.as_of_date, payments.customer_id

),

behaviour as (

    select
        customers.as_of_date,
        customers.customer_id,
        round(bill_figures.on_time_rate_12m, 4) as on_time_rate_12m,
        round(bill_figures.avg_days_late_12m, 2) as avg_days_late_12m,
        case when bill_figures.bills_due_12m > 0 then bill_figures.times_over_30d_12m end as times_over_30d_12m,
        case
            when bill_figures.overdue_amount = 0 then 0
            when bill_figures.mean_monthly_bill > 0
                then round(bill_figures.overdue_amount / bill_figures.mean_monthly_bill, 2)
            -- A debt with nothing billed in a year is worse than any number of months.
            when bill_figures.overdue_amount > 0 then 99
        end as overdue_months,
        case when bill_figures.bills_due_12m > 0 then coalesce(bounced.bounced_12m, 0) end as bounced_12m,
        coalesce(bill_figures.open_amount, 0) as open_amount,
        coalesce(bill_figures.overdue_amount, 0) as overdue_amount,
        cast(round(bill_figures.mean_monthly_bill, 2) as numeric(18, 2)) as mean_monthly_bill,
        coalesce(bill_figures.max_days_overdue, 0) as max_days_overdue,
        bill_figures.days_to_next_due
    from customers
    left join bill_figures
        on
            customers.as_of_date = bill_figures.as_of_date
            and customers.customer_id = bill_figures.customer_id
    left join bounced
        on
            customers.as_of_date = bounced.as_of_date
            and customers.customer_id = bounced.customer_id

)

select * from behaviour

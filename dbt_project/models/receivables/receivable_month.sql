-- Month-ends that no changed fact reaches back to stay as they are; the last day is always counted anew.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}],
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

-- The month-end before the last day, where no fact reaches back to it: with what it closed the month began.
carried_over as (
    {% if is_incremental() %}
    select
        dates.as_of_date,
        months.region,
        months.org_unit,
        months.segment,
        months.closing_balance,
        months.written_off_to_date
    from {{ this }} as months
    inner join dates
        on months.as_of_date = {{ dbt.dateadd('day', -1, 'dates.month_start') }}
    where not exists (select 1 from dates as touched where not touched.is_latest)
    {% else %}
    select
        as_of_date,
        '' as region,
        '' as org_unit,
        '' as segment,
        0 as closing_balance,
        0 as written_off_to_date
    from dates
    where false
    {% endif %}
),

-- Else every month is summed anew.
ledger as (

    select * from {{ ref('ledger_month') }}
    where not exists (select 1 from carried_over)

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

write_offs as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        and kind = 'write_off'
        and amount is not null

),

open_bills as (

    {{ open_bills_by_date() }}

),

-- Whole months by the ledger; of the last day's month only what has happened by then.
running_month as (

    {{ ledger_movements('cast(' ~ dbt.date_trunc('month', last_day()) ~ ' as date)', last_day()) }}

),

account as (

    select
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.org_unit, 'unknown') as org_unit,
        coalesce(customers.segment, 'unknown') as segment,
        ledger.month,
        sum(ledger.billed_amount) as billed,
        sum(ledger.collected_amount) as collected,
        sum(ledger.written_off_amount) as written_off
    from ledger
    left join customers
        on ledger.customer_id = customers.customer_id
    group by
        coalesce(customers.region, 'unknown'),
        coalesce(customers.org_unit, 'unknown'),
        coalesce(customers.segment, 'unknown'),
        ledger.month

),

running_account as (

    select
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.org_unit, 'unknown') as org_unit,
        coalesce(customers.segment, 'unknown') as segment,
        sum(running_month.billed) as billed,
        sum(running_month.collected) as collected,
        sum(running_month.written_off) as written_off
    from running_month
    left join customers
        on running_month.customer_id = customers.customer_id
    group by
        coalesce(customers.region, 'unknown'),
        coalesce(customers.org_unit, 'unknown'),
        coalesce(customers.segment, 'unknown')

),

receivables as (

    select
        open_bills.as_of_date,
        coalesce(customers.region, 'unknown') as region,
        coalesce(customers.org_unit, 'unknown') as org_unit,
        coalesce(customers.segment, 'unknown') as segment,
        sum(open_bills.open_amount) as receivable,
        sum(case when open_bills.due_on < open_bills.as_of_date then open_bills.open_amount else 0 end) as overdue
    from open_bills
    left join customers
        on open_bills.customer_id = customers.customer_id
    group by
        open_bills.as_of_date,
        coalesce(customers.region, 'unknown'),
        coalesce(customers.org_unit, 'unknown'),
        coalesce(customers.segment, 'unknown')

),

parts as (

    select
        dates.as_of_date,
        account.region,
        account.org_unit,
        account.segment,
        case when account.month < dates.month_start then account.billed - account.collected - account.written_off else 0 end
            as opening_balance,
        case when account.month = dates.month_start then account.billed else 0 end as billed,
        case when account.month = dates.month_start then account.collected else 0 end as collected,
        case when account.month = dates.month_start then account.written_off else 0 end as written_off,
        account.written_off as written_off_to_date,
        0 as receivable,
        0 as overdue
    from dates
    inner join account
        on
            dates.month_start > account.month
            or (dates.month_start = account.month and not dates.is_latest)

    union all

    select
        as_of_date,
        region,
        org_unit,
        segment,
        closing_balance as opening_balance,
        0 as billed,
        0 as collected,
        0 as written_off,
        written_off_to_date,
        0 as receivable,
        0 as overdue
    from carried_over

    union all

    select
        dates.as_of_date,
        running_account.region,
        running_account.org_unit,
        running_account.segment,
        0 as opening_balance,
        running_account.billed,
        running_account.collected,
        running_account.written_off,
        running_account.written_off as written_off_to_date,
        0 as receivable,
        0 as overdue
    from dates
    cross join running_account
    where dates.is_latest

    union all

    select
        as_of_date,
        region,
        org_unit,
        segment,
        0 as opening_balance,
        0 as billed,
        0 as collected,
        0 as written_off,
        0 as written_off_to_date,
        receivable,
        overdue
    from receivables

),

totals as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        cast(sum(opening_balance) as numeric(18, 2)) as opening_balance,
        cast(sum(billed) as numeric(18, 2)) as billed_amount,
        cast(sum(collected) as numeric(18, 2)) as collected_amount,
        cast(sum(written_off) as numeric(18, 2)) as written_off_amount,
        cast(sum(written_off_to_date) as numeric(18, 2)) as written_off_to_date,
        cast(sum(opening_balance + billed - collected - written_off) as numeric(18, 2)) as closing_balance,
        cast(sum(receivable) as numeric(18, 2)) as receivable_amount,
        cast(sum(overdue) as numeric(18, 2)) as overdue_amount
    from parts
    group by as_of_date, region, org_unit, segment

),

months as (

    select
        totals.*,
        -- Cash that pays no bill: what the account is below its bills, and was not written off.
        cast(totals.receivable_amount - totals.written_off_to_date - totals.closing_balance as numeric(18, 2))
            as unallocated_amount,
        {{ dbt.datediff('dates.month_start', 'totals.as_of_date', 'day') }} + 1 as days
    from totals
    inner join dates
        on totals.as_of_date = dates.as_of_date

),

ratios as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        opening_balance,
        billed_amount,
        collected_amount,
        written_off_amount,
        written_off_to_date,
        closing_balance,
        receivable_amount,
        overdue_amount,
        unallocated_amount,
        {#- What is due could not be helped: the days that only what is overdue adds. #}
        case when billed_amount > 0 then round(receivable_amount / billed_amount * days, 2) end as dso,
        case when billed_amount > 0 then round(overdue_amount / billed_amount * days, 2) end as average_days_delinquent,
        case when billed_amount > 0 then round(collected_amount / billed_amount, 4) end as collection_rate
    from months

)

select * from ratios

-- Month-ends that no changed fact reaches back to stay as they are; the last day is always counted again.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}],
    )
}}

{%- set flows = ['billed', 'credited', 'collected', 'returned', 'refunded', 'written_off', 'recovered'] %}
{%- set to_date = ['written_off', 'recovered'] %}
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
        {%- for flow in to_date %}
        months.{{ flow }}_to_date,
        {%- endfor %}
        months.closing_balance
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
        {%- for flow in to_date %}
        0 as {{ flow }}_to_date,
        {%- endfor %}
        0 as closing_balance
    from dates
    where false
    {% endif %}
),

-- Else every month is summed.
account_months as (

    select * from {{ ref('account_month') }}
    where not exists (select 1 from carried_over)

),

movements as (

    select * from {{ ref('movement') }}
    where
        moved_on >= cast({{ dbt.date_trunc('month', last_day()) }} as date)
        and moved_on <= {{ last_day() }}

),

write_off_changes as (

    select * from {{ ref('write_off_change') }}
    where
        moved_on >= cast({{ dbt.date_trunc('month', last_day()) }} as date)
        and moved_on <= {{ last_day() }}

),

credits as (

    {{ credit_balances_by_date() }}

),

open_bills as (

    {{ open_bills_by_date() }}

),

-- Of the last day's month only what has happened by then.
running_moves as (

    {{ account_flows() }}

),

account as (

    select
        {{ place(with_names=true) }},
        {%- for flow in flows %}
        sum(account_months.{{ flow }}_amount) as {{ flow }},
        {%- endfor %}
        account_months.month
    from account_months
    left join customers
        on account_months.customer_id = customers.customer_id
    group by
        {{ place() }},
        account_months.month

),

running_account as (

    select
        {%- for flow in flows %}
        sum(running_moves.{{ flow }}) as {{ flow }},
        {%- endfor %}
        {{ place(with_names=true) }}
    from running_moves
    left join customers
        on running_moves.customer_id = customers.customer_id
    group by
        {{ place() }}

),

receivables as (

    select
        open_bills.as_of_date,
        {{ place(with_names=true) }},
        sum(open_bills.open_amount) as receivable,
        sum(case when open_bills.due_on < open_bills.as_of_date then open_bills.open_amount else 0 end) as overdue
    from open_bills
    left join customers
        on open_bills.customer_id = customers.customer_id
    group by
        open_bills.as_of_date,
        {{ place() }}

),

placed_credits as (

    select
        credits.as_of_date,
        {{ place(with_names=true) }},
        sum(credits.credit_balance) as credit_balance
    from credits
    left join customers
        on credits.customer_id = customers.customer_id
    group by
        credits.as_of_date,
        {{ place() }}

),

parts as (

    select
        dates.as_of_date,
        account.region,
        account.org_unit,
        account.segment,
        case when account.month < dates.month_start then {{ net_of_flows('account') }} else 0 end as opening_balance,
        {%- for flow in flows %}
        case when account.month = dates.month_start then account.{{ flow }} else 0 end as {{ flow }},
        {%- endfor %}
        {%- for flow in to_date %}
        account.{{ flow }} as {{ flow }}_to_date,
        {%- endfor %}
        0 as receivable,
        0 as overdue,
        0 as credit_balance
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
        {%- for flow in flows %}
        0 as {{ flow }},
        {%- endfor %}
        {%- for flow in to_date %}
        {{ flow }}_to_date,
        {%- endfor %}
        0 as receivable,
        0 as overdue,
        0 as credit_balance
    from carried_over

    union all

    select
        dates.as_of_date,
        running_account.region,
        running_account.org_unit,
        running_account.segment,
        0 as opening_balance,
        {%- for flow in flows %}
        running_account.{{ flow }},
        {%- endfor %}
        {%- for flow in to_date %}
        running_account.{{ flow }} as {{ flow }}_to_date,
        {%- endfor %}
        0 as receivable,
        0 as overdue,
        0 as credit_balance
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
        {%- for flow in flows %}
        0 as {{ flow }},
        {%- endfor %}
        {%- for flow in to_date %}
        0 as {{ flow }}_to_date,
        {%- endfor %}
        receivable,
        overdue,
        0 as credit_balance
    from receivables

    union all

    select
        as_of_date,
        region,
        org_unit,
        segment,
        0 as opening_balance,
        {%- for flow in flows %}
        0 as {{ flow }},
        {%- endfor %}
        {%- for flow in to_date %}
        0 as {{ flow }}_to_date,
        {%- endfor %}
        0 as receivable,
        0 as overdue,
        credit_balance
    from placed_credits

),

totals as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        {{ money('sum(opening_balance)') }} as opening_balance,
        {{ money('sum(billed - credited)') }} as billed_amount,
        {{ money('sum(billed)') }} as billed_gross_amount,
        {{ money('sum(collected - returned)') }} as collected_amount,
        {{ money('sum(collected)') }} as collected_gross_amount,
        {{ money('sum(refunded)') }} as refunded_amount,
        {{ money('sum(written_off)') }} as written_off_amount,
        {{ money('sum(recovered)') }} as recovered_amount,
        {{ money('sum(written_off_to_date)') }} as written_off_to_date,
        {{ money('sum(recovered_to_date)') }} as recovered_to_date,
        {{ money('sum(opening_balance + ' ~ net_of_flows() ~ ')') }} as closing_balance,
        {{ money('sum(receivable)') }} as receivable_amount,
        {{ money('sum(overdue)') }} as overdue_amount,
        {{ money('sum(credit_balance)') }} as unallocated_amount
    from parts
    group by as_of_date, region, org_unit, segment

),

months as (

    select
        totals.*,
        {{ dbt.datediff('dates.month_start', 'totals.as_of_date', 'day') }} + 1 as days, -- noqa: LT05
        -- A running month has hardly been billed, so that days of it say nothing.
        totals.billed_amount > 0 and not {{ is_running_month('totals.as_of_date') }} as is_comparable
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
        billed_gross_amount,
        collected_amount,
        collected_gross_amount,
        refunded_amount,
        written_off_amount,
        recovered_amount,
        written_off_to_date,
        recovered_to_date,
        closing_balance,
        receivable_amount,
        overdue_amount,
        unallocated_amount,
        {#- What is due could not be helped: the days that only what is overdue adds. #}
        case when is_comparable then {{ rounded_ratio(product('receivable_amount', 'days'), 'billed_amount', 2) }} end
            as dso,
        case when is_comparable then {{ rounded_ratio(product('overdue_amount', 'days'), 'billed_amount', 2) }} end
            as average_days_delinquent,
        case when billed_amount > 0 then {{ rounded_ratio('collected_amount', 'billed_amount', 4) }} end
            as collection_rate
    from months

)

select * from ratios

-- By how much the open amount of the bills that came to the age of default within a closed month, and their number,
-- rose or fell at each age. What was written off before is as open as it was.
{%- set default_age = default_days() + 1 %}
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'segment', 'days_overdue'], 'unique': true}],
    )
}}

with

dates as (

    select
        touched.as_of_date,
        all_dates.previous_month_end
    from {{ ref('touched_date') }} as touched
    inner join {{ ref('as_of_date') }} as all_dates
        on touched.as_of_date = all_dates.as_of_date
    where not {{ is_running_month('touched.as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

balances as (

    select * from {{ ref('bill_balance') }}

),

bills as (

    select
        dates.as_of_date,
        balances.bill_id,
        balances.customer_id,
        balances.due_on,
        {{ owed_or_lost('balances') }} as open_amount,
        balances.valid_from,
        balances.valid_to,
        row_number() over (
            partition by balances.bill_id
            order by balances.valid_from
        ) as position_rank
    from dates
    inner join balances
        on
            dates.previous_month_end < {{ dbt.dateadd('day', default_age, 'balances.due_on') }}
            and dates.as_of_date >= {{ dbt.dateadd('day', default_age, 'balances.due_on') }}
            and balances.valid_from <= {{ dbt.dateadd('day', default_age, 'balances.due_on') }}

),

-- A bill issued later than the first age counts from that age on with what it was first.
positions as (

    select
        bills.as_of_date,
        coalesce(customers.segment, 'unknown') as segment,
        bills.open_amount,
        case when bills.open_amount > 0 then 1 else 0 end as bills,
        case
            when bills.position_rank = 1 then {{ first_age() }}
            else greatest({{ dbt.datediff('bills.due_on', 'bills.valid_from', 'day') }}, {{ first_age() }})
        end as from_age,
        greatest({{ dbt.datediff('bills.due_on', 'bills.valid_to', 'day') }}, {{ first_age() }}) as until_age
    from bills
    left join customers
        on bills.customer_id = customers.customer_id

),

changes as (

    select
        as_of_date,
        segment,
        from_age as days_overdue,
        open_amount as amount,
        bills
    from positions

    union all

    select
        as_of_date,
        segment,
        until_age as days_overdue,
        -open_amount as amount,
        -bills as bills
    from positions
    where until_age <= {{ default_age }}

),

by_age as (

    select
        as_of_date,
        segment,
        days_overdue,
        cast(sum(amount) as numeric(18, 2)) as amount,
        cast(sum(bills) as integer) as bills
    from changes
    group by as_of_date, segment, days_overdue

)

select * from by_age

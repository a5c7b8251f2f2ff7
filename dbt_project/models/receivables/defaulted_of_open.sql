-- Of the bills that were open on a month-end, what came to the age of default unpaid within the four months after it,
-- by their age then. Until the last of these months is closed, nobody knows.
{%- set default_age = default_days() + 1 %}
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        has_window=true,
        indexes=[{'columns': ['as_of_date', 'segment', 'days_overdue', 'is_in_default'], 'unique': true}],
    )
}}

with

windows as (

    select
        as_of_date,
        cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', -3, 'month_start')) }} as date) as opened_on
    from {{ ref('touched_date') }}
    where not {{ is_running_month('as_of_date') }}

),

debts as (

    select * from {{ ref('net_debt') }}
    where as_of_date in ({{ past_month_ends() }})

),

balances as (

    select * from {{ ref('bill_balance') }}

),

-- What is older has come to default already, or is disputed or too small.
young_debts as (

    select
        windows.as_of_date,
        windows.opened_on,
        debts.segment,
        debts.bill_id,
        debts.open_amount,
        debts.matrix_age as days_overdue,
        debts.is_in_default,
        cast({{ dbt.dateadd('day', default_age, 'debts.due_on') }} as date) as default_on
    from windows
    inner join debts
        on windows.opened_on = debts.as_of_date
    where debts.age < {{ default_age }}

),

-- Returned payments may bring more to default than was open. What is due later than the months reach is not known.
outcomes as (

    select
        young_debts.*,
        case when young_debts.default_on <= young_debts.as_of_date then young_debts.open_amount else 0 end
            as known_amount,
        case
            when young_debts.default_on <= young_debts.as_of_date
                then least(coalesce({{ owed_or_lost('balances') }}, 0), young_debts.open_amount)
            else 0
        end as defaulted_amount
    from young_debts
    left join balances
        on
            young_debts.bill_id = balances.bill_id
            and young_debts.default_on >= balances.valid_from
            and young_debts.default_on < balances.valid_to

),

totals as (

    select
        as_of_date,
        segment,
        days_overdue,
        is_in_default,
        max(opened_on) as opened_on,
        count(case when default_on <= as_of_date then 1 end) as bills,
        {{ money('sum(open_amount)') }} as open_amount,
        {{ money('sum(known_amount)') }} as known_amount,
        {{ money('sum(defaulted_amount)') }} as defaulted_amount
    from outcomes
    group by as_of_date, segment, days_overdue, is_in_default

)

select * from totals

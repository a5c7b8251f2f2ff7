-- Each open bill of each date with what no deposit or guarantee stands against, and whether its customer is in
-- default then.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'bill_id'], 'unique': true}],
    )
}}

with

dates as (

    select * from {{ ref('touched_date') }}

),

open_bills as (

    select * from {{ ref('open_bill') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

terms as (

    select * from {{ ref('contract_term') }}

),

-- Of all accounts, also where a customer has no score: one without a contract, or before it.
behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

-- Deposit and guarantee stand against the oldest bills first.
secured as (

    select
        dates.as_of_date,
        dates.policy_version,
        open_bills.customer_id,
        open_bills.bill_id,
        open_bills.due_on,
        open_bills.open_amount,
        {{ place(with_names=true) }},
        {{ dbt.datediff('open_bills.due_on', 'dates.as_of_date', 'day') }} as age, -- noqa: LT05
        coalesce(behaviour.pursued_days_overdue > {{ default_days() }}, false) as is_in_default,
        coalesce(terms.security_amount, 0) as security_amount,
        sum(open_bills.open_amount) over (
            partition by dates.as_of_date, open_bills.customer_id
            order by open_bills.due_on, open_bills.bill_id
            rows between unbounded preceding and current row
        ) as open_by_then
    from open_bills
    inner join dates
        on open_bills.as_of_date = dates.as_of_date
    left join customers
        on open_bills.customer_id = customers.customer_id
    left join behaviour
        on
            open_bills.customer_id = behaviour.customer_id
            and open_bills.as_of_date = behaviour.as_of_date
    left join terms
        on
            open_bills.customer_id = terms.customer_id
            and open_bills.as_of_date >= terms.valid_from
            and open_bills.as_of_date < terms.valid_to

),

debts as (

    select
        as_of_date,
        bill_id,
        customer_id,
        region,
        org_unit,
        segment,
        due_on,
        age,
        greatest(least(age, {{ default_days() }}), {{ first_age() }}) as matrix_age,
        policy_version,
        is_in_default,
        open_amount,
        {{ money('greatest(least(open_amount, open_by_then - security_amount), 0)') }} as net_amount
    from secured

)

select * from debts

-- What each customer with a bill overdue owes, apart from what is disputed, and who pursues it how.
{{
    config(
        materialized='incremental',
        keys_of='customer_scope',
        indexes=[{'columns': ['customer_id'], 'unique': true}],
    )
}}

{%- set days_since = days_after('late_bills.charged_through', 'dates.as_of_date') %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where open_amount > 0

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

-- What each customer's debts must come to before they are pursued.
behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date = {{ last_day() }}

),

assignments as (

    select * from {{ ref('stg_officer_assignment') }}
    where not is_deleted

),

-- Charged to the last day; what has not been charged for yet is the days since.
late_bills_to_date as (

    select
        late_bills.*,
        {{ late_charge(
            'late_bills.days_charged + ' ~ days_since,
            'late_bills.accrued_charge + ' ~ product('late_bills.daily_charge', days_since),
            'late_bills.least_charge'
        ) }} as charge_to_date
    from late_bills
    cross join dates

),

-- What is too small to be pursued makes no debt old: it is as old as the bill that brought the sum to what is pursued,
-- oldest first.
aged as (

    select
        *,
        sum(open_amount - disputed_amount) over (
            partition by customer_id
            order by due_on
        ) as owed_by_then
    from late_bills_to_date

),

debts as (

    select
        scope.customer_id,
        sum(late_bills.open_amount - late_bills.disputed_amount) as overdue_amount,
        sum(late_bills.disputed_amount) as disputed_amount,
        sum(case when late_bills.open_amount > late_bills.disputed_amount then late_bills.charge_to_date else 0 end)
            as late_charge,
        count(case when late_bills.open_amount > late_bills.disputed_amount then 1 end) as overdue_bills,
        min(
            case
                when
                    late_bills.open_amount > late_bills.disputed_amount
                    and late_bills.owed_by_then >= behaviour.pursued_from
                    then late_bills.due_on
            end
        ) as oldest_due_on,
        max(behaviour.pursued_from) as pursued_from
    from scope
    inner join aged as late_bills
        on scope.customer_id = late_bills.customer_id
    inner join behaviour
        on scope.customer_id = behaviour.customer_id
    group by scope.customer_id

),

officers as (

    {{ assigned_officers() }}

),

beside_each_other as (

    select
        debts.*,
        -- Were all of it paid now, it would be one statement.
        case
            when policies.late_charge_min_of = 'statement' and debts.late_charge > 0 then policies.late_charge_min
            else 0
        end as least_charge,
        dates.as_of_date,
        dates.policy_version,
        coalesce(customers.segment, 'residential') = 'residential' as is_home,
        coalesce(customers.is_important_user, false) as is_important_user,
        officers.officer_id,
        {{ hundredth_of('debts.customer_id || policies.trial_salt') }} as hundredth
    from debts
    cross join dates
    inner join policies
        on dates.policy_version = policies.policy_version
    left join customers
        on debts.customer_id = customers.customer_id
    left join officers
        on debts.customer_id = officers.customer_id
    where debts.overdue_amount + debts.disputed_amount >= debts.pursued_from

),

debtors as (

    select
        customer_id,
        policy_version,
        {{ dunning_strategy() }} as strategy,
        officer_id,
        is_home,
        is_important_user,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(disputed_amount as numeric(18, 2)) as disputed_amount,
        cast(greatest(late_charge, least_charge) as numeric(18, 2)) as late_charge,
        pursued_from,
        overdue_bills,
        {{ days_after('oldest_due_on', 'as_of_date') }} as days_overdue,
        oldest_due_on
    from beside_each_other

)

select * from debtors

{% macro payment_behaviour(scope) -%}
    {#- How the customers of a scope have paid, and what they owe, as of its dates. -#}
with

{#- Each import is read once, so that Postgres can read it in parallel. #}

scope as (

    select * from {{ ref(scope) }}
    where is_known

),

dates as (

    {{ dates_of(scope) }}

),

scope_of_returns as (

    select * from {{ ref(scope) }}
    where is_known

),

returned_payments as (

    select * from {{ ref('returned_payment') }}

),

all_figures as (

    select
        scope.as_of_date,
        scope.customer_id,
        dates.pursued_from,
        figures.*
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    cross join lateral (
        select
            sum(case when bills.is_due_in_year then bills.paid_in_time end) as paid_in_time_12m,
            sum(case when bills.is_due_in_year then bills.judged_amount end) as due_amount_12m,
            sum(case when bills.is_due_in_year then bills.days_late * bills.judged_amount end) as late_days_12m,
            count(case when bills.is_due_in_year and bills.days_late > 30 then 1 end) as times_over_30d_12m,
            count(case when bills.is_due_in_year then 1 end) as bills_due_12m,
            max(case when bills.is_due_in_year then bills.days_late end) as worst_days_late_12m,
            count(case when bills.open_amount > 0 and bills.due_on < scope.as_of_date then 1 end) as overdue_bills,
            sum(case when bills.is_issued_in_year then bills.standing_amount end) as billed_12m,
            {{ count_bits('case when bills.is_issued_in_year then bills.issued_month_bit end') }} as months_billed_12m,
            sum(bills.open_amount) as open_amount,
            sum(case when bills.due_on < scope.as_of_date then bills.open_amount else 0 end) as overdue_amount,
            max(
                case when bills.open_amount > 0 then {{ days_after('bills.due_on', 'scope.as_of_date') }} else 0 end
            ) as max_days_overdue,
            sum(bills.pursued_amount) as pursued_amount,
            count(case when bills.pursued_amount > 0 then 1 end) as pursued_bills,
            {#- As old as the bill that, from the oldest on, brings the sum to what is pursued. #}
            max(
                case
                    when bills.pursued_amount > 0 and bills.pursued_by_then >= dates.pursued_from
                        then {{ days_after('bills.due_on', 'scope.as_of_date') }}
                end
            ) as pursued_days_overdue,
            min(case when bills.open_amount > 0 and bills.due_on >= scope.as_of_date then bills.due_on end)
                as next_due_on,
            max(case when bills.is_issued_in_year then bills.period end) as last_period
        from (
            select
                overdue.*,
                sum(overdue.pursued_amount) over (order by overdue.due_on) as pursued_by_then
            from (
                select
                    bills_then.*,
                    case when bills_then.due_on < scope.as_of_date and not bills_then.is_set_aside then bills_then.open_amount else 0 end
                        as pursued_amount
                from (
                    {{ bills_then() }}
                ) as bills_then
            ) as overdue
        ) as bills
    ) as figures

),

bounced as (

    select
        scope_of_returns.as_of_date,
        scope_of_returns.customer_id,
        greatest(sum(returned_payments.returns), 0) as bounced_12m
    from scope_of_returns
    inner join returned_payments
        on
            scope_of_returns.customer_id = returned_payments.customer_id
            and returned_payments.returned_on > scope_of_returns.year_before
            and returned_payments.returned_on <= scope_of_returns.as_of_date
    group by scope_of_returns.as_of_date, scope_of_returns.customer_id

),

behaviour as (

    select
        {{ date_of(scope, 'all_figures') }}
        all_figures.customer_id,
        cast(round(all_figures.paid_in_time_12m / nullif(all_figures.due_amount_12m, 0), 4) as numeric(18, 4))
            as on_time_rate_12m,
        cast(round(all_figures.late_days_12m / nullif(all_figures.due_amount_12m, 0), 2) as numeric(18, 2))
            as avg_days_late_12m,
        case when all_figures.bills_due_12m > 0 then all_figures.times_over_30d_12m end as times_over_30d_12m,
        cast(case
            -- What is too small to be pursued is no debt to warn of.
            when all_figures.pursued_amount < all_figures.pursued_from then 0
            when all_figures.billed_12m / nullif(all_figures.months_billed_12m, 0) > 0
                then
                    {#- In one division: a mean rounded on the way could tip a figure that stands on an edge. #}
                    round(all_figures.pursued_amount * all_figures.months_billed_12m / all_figures.billed_12m, 2)
            -- A debt with nothing billed in a year is worse than any number of months.
            when all_figures.pursued_amount > 0 then 99
        end as numeric(18, 2)) as overdue_months,
        case when all_figures.bills_due_12m > 0 then coalesce(bounced.bounced_12m, 0) end as bounced_12m,
        cast(coalesce(all_figures.open_amount, 0) as numeric(18, 2)) as open_amount,
        cast(coalesce(all_figures.overdue_amount, 0) as numeric(18, 2)) as overdue_amount,
        cast(round(all_figures.billed_12m / nullif(all_figures.months_billed_12m, 0), 2) as numeric(18, 2))
            as mean_monthly_bill,
        coalesce(all_figures.max_days_overdue, 0) as max_days_overdue,
        coalesce(all_figures.pursued_days_overdue, 0) as pursued_days_overdue,
        case when all_figures.pursued_amount >= all_figures.pursued_from then all_figures.pursued_bills else 0 end as pursued_bills,
        all_figures.worst_days_late_12m,
        all_figures.overdue_bills,
        all_figures.next_due_on,
        all_figures.last_period
    from all_figures
    left join bounced
        on
            all_figures.as_of_date = bounced.as_of_date
            and all_figures.customer_id = bounced.customer_id

)

select * from behaviour
{%- endmacro %}

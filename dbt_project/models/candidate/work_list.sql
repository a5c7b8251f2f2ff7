-- All of it, each night: whoever owes most for least effort comes first, and that depends on all the others.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

debtors as (

    select * from {{ ref('debtor') }}

),

stages as (

    select * from {{ ref('dunning') }}

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

-- Of all accounts, also where a customer has no score.
behaviour as (

    select * from {{ ref('payment_behaviour') }}
    where as_of_date = {{ last_day() }}

),

positions as (

    select * from {{ ref('credit_position') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

debts as (

    select * from {{ ref('debt_loss') }}

),

-- The sum of the bills' losses, and what it makes on the whole of probability and loss.
losses as (

    select
        customer_id,
        sum(net_amount) as net_open_amount,
        sum(expected_loss) as expected_loss,
        {{ ratio('sum(' ~ product('net_amount', 'probability_of_default') ~ ')', 'sum(net_amount)') }}
            as probability_of_default,
        {{ ratio(
            'sum(' ~ product('net_amount', 'probability_of_default', 'loss_given_default') ~ ')',
            'sum(' ~ product('net_amount', 'probability_of_default') ~ ')'
        ) }} as loss_given_default
    from debts
    group by customer_id

),

expected as (

    select
        debtors.*,
        dates.as_of_date,
        stages.last_step,
        stages.last_step_on,
        stages.lapsed_step,
        stages.lapsed_step_on,
        stages.step_amount,
        stages.next_step,
        stages.earliest_on,
        stages.held_by,
        stages.effort,
        customers.segment,
        customers.region,
        customers.org_unit,
        ratings.grade,
        ratings.grade_rank,
        coalesce(behaviour.pursued_days_overdue > {{ default_days() }}, false) as is_in_default,
        coalesce(losses.net_open_amount, 0) as net_open_amount,
        coalesce(losses.expected_loss, 0) as expected_loss,
        coalesce(
            losses.probability_of_default,
            case when behaviour.pursued_days_overdue > {{ default_days() }} then 1 else 0 end
        ) as probability_of_default,
        coalesce(losses.loss_given_default, 0) as loss_given_default,
        coalesce(positions.exposure, debtors.overdue_amount) as exposure,
        greatest(coalesce(positions.exposure - positions.security_amount, debtors.overdue_amount), 0) as net_exposure
    from debtors
    cross join dates
    inner join stages
        on debtors.customer_id = stages.customer_id
    left join customers
        on debtors.customer_id = customers.customer_id
    left join ratings
        on debtors.customer_id = ratings.customer_id
    left join positions
        on debtors.customer_id = positions.customer_id
    left join behaviour
        on debtors.customer_id = behaviour.customer_id
    left join losses
        on debtors.customer_id = losses.customer_id

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(
            row_number() over (
                partition by officer_id
                order by {{ rounded_ratio('expected_loss', 'effort', 6) }} desc, customer_id
            ) as integer
        ) as officer_rank,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(strategy as {{ dbt.type_string() }}) as strategy,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(disputed_amount as numeric(18, 2)) as disputed_amount,
        cast(late_charge as numeric(18, 2)) as late_charge,
        cast(overdue_bills as integer) as overdue_bills,
        cast(days_overdue as integer) as days_overdue,
        cast(oldest_due_on as date) as oldest_due_on,
        cast(last_step as {{ dbt.type_string() }}) as last_step,
        cast(last_step_on as date) as last_step_on,
        cast(next_step as {{ dbt.type_string() }}) as next_step,
        cast(earliest_on as date) as earliest_on,
        cast(held_by as {{ dbt.type_string() }}) as held_by,
        cast(exposure as numeric(18, 2)) as exposure,
        cast({{ rounded('probability_of_default', 4) }} as numeric(6, 4)) as probability_of_default,
        cast({{ rounded('loss_given_default', 4) }} as numeric(6, 4)) as loss_given_default,
        cast(expected_loss as numeric(18, 2)) as expected_loss,
        cast(effort as numeric(18, 2)) as effort,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(grade_rank as integer) as grade_rank,
        cast(step_amount as numeric(18, 2)) as step_amount,
        cast(lapsed_step as {{ dbt.type_string() }}) as lapsed_step,
        cast(lapsed_step_on as date) as lapsed_step_on,
        -- A step that a hold forbids is not late; an insolvency is what its claim is for.
        cast(
            case
                when coalesce(held_by, 'insolvency') = 'insolvency' then {{ days_after('earliest_on', 'as_of_date') }}
            end
            as integer
        ) as step_days_late,
        cast(is_in_default as boolean) as is_in_default,
        cast(net_open_amount as numeric(18, 2)) as net_open_amount,
        cast(net_exposure as numeric(18, 2)) as net_exposure
    from expected

)

select * from as_contracted

-- What of the bills that a step of dunning reached was paid soon after, compared with bills of the same segment and age
-- that it had not reached. One of these stands beside each age at which it was open, and customers have several bills:
-- how far the difference may be off is a matter of customers, each counted once with all that he adds to it.
{{ config(indexes=[{'columns': ['step', 'days_after'], 'unique': true}]) }}

{%- set days_after_step = [7, 14, 30] %}
{#- Older than any of the bills, which are of a year. #}
{%- set never = 1000000 %}
{%- set is_reached = '(alike.reached_age = compared.reached_age)' %}
{%- set is_paid = '(alike.paid_age <= compared.reached_age + compared.days_after)' %}
{%- set weight_reached = ratio('1.0', 'compared.compared_bills') %}
{%- set weight_not_reached = ratio(
    'compared.bills * 1.0', product('compared.compared_bills', 'compared.bills_not_reached')
) %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

late_bills as (

    select * from {{ ref('late_bill') }}
    where undisputed_amount > 0

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

),

-- The steps of the policy that any of its strategies takes.
steps as (

    select distinct
        dates.as_of_date,
        steps.policy_version,
        steps.step
    from {{ source('policy', 'dunning_steps') }} as steps
    inner join dates
        on steps.policy_version = dates.policy_version

),

-- Bills of a year; each is observed for as long as the last bill that fell due in its month.
bills as (

    select
        late_bills.bill_id,
        late_bills.customer_id,
        late_bills.due_on,
        late_bills.settled_on,
        coalesce(customers.segment, 'unknown') as segment,
        case
            when late_bills.settled_on is null then {{ never }}
            else {{ days_after('late_bills.due_on', 'late_bills.settled_on') }}
        end as settled_age,
        case
            when late_bills.paid_on is null then {{ never }}
            else {{ days_after('late_bills.due_on', 'late_bills.paid_on') }}
        end as paid_age,
        {{ days_after(dbt.dateadd('month', 1, dbt.date_trunc('month', 'late_bills.due_on')), 'dates.as_of_date') }}
            as days_observed
    from late_bills
    inner join dates
        on late_bills.due_on > dates.year_before
    left join customers
        on late_bills.customer_id = customers.customer_id

),

-- The first time that a step named the bill, or all of the debt, while the bill was overdue and open.
first_reached as (

    select
        bills.bill_id,
        actions.kind as step,
        min({{ dbt.datediff('bills.due_on', 'actions.acted_on', 'day') }}) as reached_age
    from bills
    inner join actions
        on
            bills.customer_id = actions.customer_id
            and bills.due_on < actions.acted_on
            and (bills.settled_on is null or bills.settled_on >= actions.acted_on)
            and (actions.bill_id is null or actions.bill_id = bills.bill_id)
    inner join steps
        on
            actions.kind = steps.step
            and actions.acted_on <= steps.as_of_date
    group by bills.bill_id, actions.kind

),

-- Each bill beside each step, with the age at which the step reached it.
bill_ages as (

    select
        steps.step,
        bills.customer_id,
        bills.segment,
        bills.days_observed,
        bills.settled_age,
        bills.paid_age,
        coalesce(first_reached.reached_age, {{ never }}) as reached_age
    from bills
    cross join steps
    left join first_reached
        on
            bills.bill_id = first_reached.bill_id
            and steps.step = first_reached.step

),

-- One text says what makes bills alike for a step: joined by six columns, they were expected to be one row.
bill_steps as (

    select
        bill_ages.*,
        {{ dbt.concat([
            'days_observed', "'|'", 'settled_age', "'|'", 'paid_age', "'|'", 'reached_age', "'|'", 'step', "'|'", 'segment'
        ]) }} as likeness
    from bill_ages

),

-- Bills that are alike for a step are counted together.
alike as (

    select
        likeness,
        step,
        segment,
        days_observed,
        settled_age,
        paid_age,
        reached_age,
        count(*) as bills
    from bill_steps
    group by likeness, step, segment, days_observed, settled_age, paid_age, reached_age

),

reached as (
    {% for days in days_after_step %}
    select
        step,
        segment,
        reached_age,
        {{ days }} as days_after,
        sum(bills) as bills,
        coalesce(sum(case when paid_age <= reached_age + {{ days }} then bills end), 0) as paid
    from alike
    where days_observed >= reached_age + {{ days }}
    group by step, segment, reached_age
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
),

-- Beside them the bills of the segment that were open at that age, and that the step had not reached by then.
compared_ages as (

    select
        reached.step,
        reached.segment,
        reached.reached_age,
        reached.days_after,
        reached.bills,
        reached.paid,
        sum(alike.bills) as bills_not_reached,
        coalesce(sum(case when alike.paid_age <= reached.reached_age + reached.days_after then alike.bills end), 0)
            as paid_not_reached
    from reached
    inner join alike
        on
            reached.step = alike.step
            and reached.segment = alike.segment
            and alike.days_observed >= reached.reached_age + reached.days_after
            and reached.reached_age <= alike.settled_age
            and reached.reached_age < alike.reached_age
    group by
        reached.step, reached.segment, reached.reached_age, reached.days_after, reached.bills, reached.paid

),

-- Those not reached weigh as many as were reached of their segment and age.
rates as (

    select
        step,
        days_after,
        sum(bills) as compared_bills,
        {{ ratio('sum(paid) * 1.0', 'sum(bills)') }} as compared_rate,
        {{ ratio('sum(' ~ ratio('bills * 1.0 * paid_not_reached', 'bills_not_reached') ~ ')', 'sum(bills)') }}
            as rate_not_reached
    from compared_ages
    group by step, days_after

),

compared as (

    select
        compared_ages.*,
        sum(compared_ages.bills) over (partition by compared_ages.step, compared_ages.days_after) as compared_bills
    from compared_ages

),

-- What each bill weighs in either rate: one not reached at every age at which it is compared.
weights as (

    select
        alike.likeness,
        alike.step,
        compared.days_after,
        max(alike.bills) as bills,
        sum(case when {{ is_reached }} then {{ weight_reached }} else 0 end) as weight_reached,
        sum(case when {{ is_reached }} and {{ is_paid }} then {{ weight_reached }} else 0 end) as paid_reached,
        sum(case when {{ is_reached }} then 0 else {{ weight_not_reached }} end) as weight_not_reached,
        sum(case when {{ is_paid }} and not {{ is_reached }} then {{ weight_not_reached }} else 0 end)
            as paid_not_reached
    from compared
    inner join alike
        on
            compared.step = alike.step
            and compared.segment = alike.segment
            and alike.days_observed >= compared.reached_age + compared.days_after
            and compared.reached_age <= alike.settled_age
            and compared.reached_age <= alike.reached_age
    group by alike.likeness, alike.step, compared.days_after

),

-- By how much a bill moves the difference of the rates from where it is.
moves as (

    select
        weights.*,
        weights.paid_reached - rates.compared_rate * weights.weight_reached
        - (weights.paid_not_reached - rates.rate_not_reached * weights.weight_not_reached) as moved
    from weights
    inner join rates
        on
            weights.step = rates.step
            and weights.days_after = rates.days_after

),

customers_moves as (

    select
        bill_steps.customer_id,
        moves.step,
        moves.days_after,
        sum(moves.weight_reached) as weight_reached,
        sum(moves.weight_not_reached) as weight_not_reached,
        sum(moves.moved) as moved
    from moves
    inner join bill_steps
        on moves.likeness = bill_steps.likeness
    group by bill_steps.customer_id, moves.step, moves.days_after

),

-- Customers are independent.
spreads as (

    select
        step,
        days_after,
        sqrt(sum(moved * moved)) as standard_error,
        {{ effective_cases('weight_reached') }} as effective_reached,
        {{ effective_cases('weight_not_reached') }} as effective_not_reached
    from customers_moves
    group by step, days_after

),

bills_not_reached as (

    select
        step,
        days_after,
        sum(bills) as bills_not_reached
    from weights
    where weight_not_reached > 0
    group by step, days_after

),

all_reached as (

    select
        step,
        days_after,
        sum(bills) as bills,
        sum(paid) as paid
    from reached
    group by step, days_after

),

effects as (

    select
        all_reached.step,
        all_reached.days_after,
        all_reached.bills,
        all_reached.paid,
        coalesce(rates.compared_bills, 0) as compared_bills,
        coalesce(bills_not_reached.bills_not_reached, 0) as bills_not_reached,
        rates.compared_rate,
        rates.rate_not_reached,
        spreads.effective_reached,
        spreads.effective_not_reached,
        {#- The normal approximation, where it may be used. #}
        case
            when
                {{ rounded('least(spreads.effective_reached, spreads.effective_not_reached)', 1) }}
                >= {{ var('least_cases') }}
                then 1.96 * spreads.standard_error
        end as half_width,
        dates.policy_version
    from all_reached
    cross join dates
    left join rates
        on
            all_reached.step = rates.step
            and all_reached.days_after = rates.days_after
    left join spreads
        on
            all_reached.step = spreads.step
            and all_reached.days_after = spreads.days_after
    left join bills_not_reached
        on
            all_reached.step = bills_not_reached.step
            and all_reached.days_after = bills_not_reached.days_after

),

as_contracted as (

    select
        cast(step as {{ dbt.type_string() }}) as step,
        cast(days_after as integer) as days_after,
        cast(bills as integer) as bills,
        cast(paid as integer) as paid,
        cast({{ rounded_ratio('paid * 1.0', 'bills', 4) }} as numeric(6, 4)) as paid_rate,
        cast(compared_bills as integer) as compared_bills,
        cast(bills_not_reached as integer) as bills_not_reached,
        cast({{ rounded('compared_rate', 4) }} as numeric(6, 4)) as compared_paid_rate,
        cast({{ rounded('rate_not_reached', 4) }} as numeric(6, 4)) as paid_rate_not_reached,
        cast({{ rounded('compared_rate - rate_not_reached', 4) }} as numeric(6, 4)) as difference,
        cast({{ rounded('compared_rate - rate_not_reached - half_width', 4) }} as numeric(6, 4)) as difference_low,
        cast({{ rounded('compared_rate - rate_not_reached + half_width', 4) }} as numeric(6, 4)) as difference_high,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast({{ rounded('effective_reached', 1) }} as numeric(12, 1)) as effective_customers,
        cast({{ rounded('effective_not_reached', 1) }} as numeric(12, 1)) as effective_customers_not_reached
    from effects

)

select * from as_contracted

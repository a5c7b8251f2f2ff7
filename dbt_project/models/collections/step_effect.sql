-- What of the bills that a step of dunning reached was paid soon after, compared with bills of the same segment and age
-- that it had not reached.
{{ config(indexes=[{'columns': ['step', 'days_after'], 'unique': true}]) }}

{%- set days_after_step = [7, 14, 30] %}
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
        case when late_bills.settled_on is not null then {{ days_after('late_bills.due_on', 'late_bills.settled_on') }} end
            as settled_age,
        case when late_bills.paid_on is not null then {{ days_after('late_bills.due_on', 'late_bills.paid_on') }} end
            as paid_age,
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

-- Bills that are alike for a step are counted together.
alike as (

    select
        steps.step,
        bills.segment,
        bills.days_observed,
        first_reached.reached_age,
        bills.settled_age,
        bills.paid_age,
        count(*) as bills
    from bills
    cross join steps
    left join first_reached
        on
            bills.bill_id = first_reached.bill_id
            and steps.step = first_reached.step
    group by
        steps.step,
        bills.segment,
        bills.days_observed,
        first_reached.reached_age,
        bills.settled_age,
        bills.paid_age

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

-- Bills of the segment that were open at that age, and that the step had not reached by then.
not_reached as (

    select
        reached.step,
        reached.segment,
        reached.reached_age,
        reached.days_after,
        sum(alike.bills) as bills,
        coalesce(sum(case when alike.paid_age <= reached.reached_age + reached.days_after then alike.bills end), 0)
            as paid
    from reached
    inner join alike
        on
            reached.step = alike.step
            and reached.segment = alike.segment
            and alike.days_observed >= reached.reached_age + reached.days_after
            and reached.reached_age <= coalesce(alike.settled_age, reached.reached_age)
            and reached.reached_age < coalesce(alike.reached_age, reached.reached_age + 1)
    group by reached.step, reached.segment, reached.reached_age, reached.days_after

),

-- Those not reached weigh as many as were reached of their segment and age.
summed as (

    select
        reached.step,
        reached.days_after,
        sum(reached.bills) as bills,
        sum(reached.paid) as paid,
        sum(case when not_reached.bills > 0 then reached.bills end) as compared_bills,
        sum(case when not_reached.bills > 0 then reached.paid end) as compared_paid,
        sum(not_reached.bills) as bills_not_reached,
        sum({{ ratio('reached.bills * 1.0 * not_reached.paid', 'not_reached.bills') }}) as weighted_paid,
        {#- Variance of the weighted sum: each group's share has that of a share of so many bills. #}
        sum(
            {{ ratio(
                product('reached.bills', 'reached.bills', 'not_reached.paid', '(not_reached.bills - not_reached.paid)'),
                product('not_reached.bills', 'not_reached.bills', 'not_reached.bills', '1.0')
            ) }}
        ) as weighted_variance
    from reached
    left join not_reached
        on
            reached.step = not_reached.step
            and reached.segment = not_reached.segment
            and reached.reached_age = not_reached.reached_age
            and reached.days_after = not_reached.days_after
    group by reached.step, reached.days_after

),

rated as (

    select
        *,
        {{ ratio('compared_paid * 1.0', 'compared_bills') }} as compared_rate,
        {{ ratio('weighted_paid', 'compared_bills') }} as rate_not_reached,
        sqrt(
            {{ ratio(
                product('compared_paid', '(compared_bills - compared_paid)', '1.0'),
                product('compared_bills', 'compared_bills', 'compared_bills', '1.0')
            ) }}
            + {{ ratio('weighted_variance', product('compared_bills', 'compared_bills', '1.0')) }}
        ) as standard_error
    from summed

),

effects as (

    select
        rated.step,
        rated.days_after,
        rated.bills,
        rated.paid,
        coalesce(rated.compared_bills, 0) as compared_bills,
        coalesce(rated.bills_not_reached, 0) as bills_not_reached,
        rated.compared_rate,
        rated.rate_not_reached,
        {#- The normal approximation, where it may be used. #}
        case when rated.compared_bills >= 30 and rated.bills_not_reached >= 30 then 1.96 * rated.standard_error end
            as half_width,
        dates.policy_version
    from rated
    cross join dates

)

select * from effects

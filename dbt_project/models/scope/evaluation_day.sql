-- On which days, besides month-ends, each customer is evaluated for warnings. A warning comes or goes when a fact other
-- than a bill or a payment does, on the customer's first day, on the day after a due date, when a bill is overdue by as
-- many days as a rule names, by a payment or a return from then on, and, of those who were much too late or had an
-- event within a year, also when a bill or a payment moves and before a bill falls due.
{{
    config(
        materialized='incremental',
        keys_of='evaluation_day',
        is_retained_a_year=true,
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}
-- Read by incremental runs alone: depends_on: {{ ref('change_scope') }} {{ ref('customer_scope') }}

{%- set is_incremental_build = is_incremental_build() %}
{%- set touched = 'touched' if is_incremental_build else none %}
{#- In default the grade changes as well. #}
{%- set days_overdue = (warning_thresholds('max_days_overdue') + [default_days()]) | unique | sort %}
{%- set is_late_from = dbt.dateadd('day', days_overdue | first, 'balances.due_on') %}
{%- set late_on = dbt.dateadd('day', var('evaluation').indeterminate_days_overdue + 1, 'balances.due_on') %}
{%- set days_to_due = warning_thresholds('days_to_next_due') %}
{%- set first_day = "cast('" ~ warned_from() ~ "' as date)" %}
{%- set evaluated_from = 'touched.evaluated_from' if is_incremental_build else first_day %}
with

dates as (

    select * from {{ ref('evaluation_date') }}
    where
        as_of_date >= cast('{{ warned_from() }}' as date)
        and {{ is_running_month('as_of_date') }}

),

{% if is_incremental_build %}
scope as (

    select * from {{ ref('customer_scope') }}

),

changes as (

    select * from {{ ref('change_scope') }}

),

open_bills as (

    select * from {{ ref('bill_balance') }}
    where
        open_amount > 0
        and valid_from <= {{ last_day() }}
        and valid_to > {{ last_day() }}

),

-- Whose days between the last release and this run may be evaluated: those with facts, and those of whom a bill comes
-- of age. Those of whom facts changed are evaluated from the day on which these matter.
reasons as (

    select
        customer_id,
        {{ aged_from() }} as evaluated_from
    from scope
    where has_moved

    union all

    select
        customer_id,
        changed_from as evaluated_from
    from changes

    union all

    select
        customer_id,
        {{ aged_from() }} as evaluated_from
    from open_bills
    where
        {%- for days in days_overdue %}
        {{ moved(dbt.dateadd('day', days + 1, 'due_on')) }} or
        {%- endfor %}
        {%- for days in days_to_due + ([-1] if days_to_due else []) %}
        {{ moved(dbt.dateadd('day', -days, 'due_on')) }} or
        {%- endfor %}
        false

),

touched as (

    select
        customer_id,
        min(evaluated_from) as evaluated_from
    from reasons
    group by customer_id

),
{% endif %}
known_customers as (

    {{ known_from(touched) }}

),

-- Those that began or ended since, or left something open; most bills have long been paid.
balances as (

    select balances.* from {{ ref('bill_balance') }} as balances
    {%- if is_incremental_build %}
    inner join touched
        on balances.customer_id = touched.customer_id
    {%- endif %}
    where
        balances.valid_from >= {{ evaluated_from }}
        or (
            balances.valid_to >= {{ evaluated_from }}
            and (
                balances.open_amount > 0
                or balances.valid_to < {{ end_of_time() }}
            )
        )

),

events as (

    select * from {{ ref('customer_event') }}
    where true {{ only_of(touched) }}

),

disputes as (

    select * from {{ ref('dispute_span') }}
    where true {{ only_of(touched) }}

),

attributes as (

    select * from {{ ref('attribute_value') }}
    where {{ is_attribute_of(['bins', 'vetoes', 'warning_conditions']) }} {{ only_of(touched) }}

),

-- Bills that were so late that they count as late in what becomes of customers (policies/evaluation.yml).
late_bills as (

    select
        balances.customer_id,
        cast({{ late_on }} as date) as late_on
    from {{ ref('bill_balance') }} as balances
    {%- if is_incremental_build %}
    inner join touched
        on balances.customer_id = touched.customer_id
    {%- endif %}
    where
        balances.open_amount > 0
        and balances.valid_from <= {{ late_on }}
        and balances.valid_to > {{ late_on }}
        and {{ late_on }} >= {{ dbt.dateadd('month', -12, evaluated_from) }}

),

-- Days on which an open bill is, or was until then, overdue.
overdue_days as (
    {% for days in days_overdue %}
    select
        customer_id,
        cast({{ dbt.dateadd('day', days + 1, 'due_on') }} as date) as as_of_date
    from balances
    where
        open_amount > 0
        and valid_from <= {{ dbt.dateadd('day', days + 1, 'due_on') }}
        and valid_to > {{ dbt.dateadd('day', days + 1, 'due_on') }}

    union
    {% endfor %}
    select
        balances.customer_id,
        balances.valid_to as as_of_date
    from balances
    where
        balances.open_amount > 0
        and balances.valid_to > {{ is_late_from }}

    union

    -- A payment that bounces makes a bill open again.
    select
        balances.customer_id,
        balances.valid_from as as_of_date
    from balances
    where
        balances.open_amount > 0
        and balances.valid_from > {{ is_late_from }}

    {%- if days_to_due %}
    union

    -- What was said of a bill's coming due date is over when that has passed.
    select
        customer_id,
        cast({{ dbt.dateadd('day', 1, 'due_on') }} as date) as as_of_date
    from balances
    where
        open_amount > 0
        and valid_from <= {{ dbt.dateadd('day', 1, 'due_on') }}
        and valid_to > {{ dbt.dateadd('day', 1, 'due_on') }}
    {%- endif %}

),

-- Days on which the bills of those who are watched move.
bill_days as (

    select
        customer_id,
        valid_from as as_of_date
    from balances

    union

    select
        customer_id,
        valid_to as as_of_date
    from balances
    {% for days in days_to_due %}
    union

    select
        customer_id,
        cast({{ dbt.dateadd('day', -days, 'due_on') }} as date) as as_of_date
    from balances
    where
        open_amount > 0
        and valid_from <= {{ dbt.dateadd('day', -days, 'due_on') }}
        and valid_to > {{ dbt.dateadd('day', -days, 'due_on') }}
    {% endfor %}

),

-- Who was late, or had an event.
troubles as (

    select
        customer_id,
        late_on as happened_on
    from late_bills

    union

    select
        customer_id,
        happened_on
    from events

    union

    select
        customer_id,
        valid_from as happened_on
    from attributes
    where {{ is_attribute_of(['vetoes']) }}

),

watched_days as (

    select
        bill_days.customer_id,
        bill_days.as_of_date
    from bill_days
    {%- if watched_grade_rank() %}
    where
        exists (
            select 1
            from troubles
            where
                bill_days.customer_id = troubles.customer_id
                and bill_days.as_of_date >= troubles.happened_on
                and bill_days.as_of_date <= {{ dbt.dateadd('month', 12, 'troubles.happened_on') }}
        )
    {%- endif %}

),

event_days as (

    select
        customer_id,
        happened_on as as_of_date
    from events

    union

    select
        customer_id,
        ended_on as as_of_date
    from events
    -- What ended before it began stands on no day; and a change of it is known from its beginning on.
    where ended_on > happened_on

    union

    select
        customer_id,
        valid_from as as_of_date
    from disputes

    union

    select
        customer_id,
        valid_to as as_of_date
    from disputes

    union

    select
        customer_id,
        valid_from as as_of_date
    from attributes

    union

    select
        customer_id,
        valid_to as as_of_date
    from attributes

),

days as (

    select * from overdue_days

    union

    select * from watched_days

    union

    select * from event_days

    union

    -- A case may be older than the contract.
    select
        customer_id,
        known_from as as_of_date
    from known_customers

),

evaluation_days as (

    select
        dates.as_of_date,
        days.customer_id
    from days
    inner join dates
        on days.as_of_date = dates.as_of_date
    inner join known_customers
        on
            days.customer_id = known_customers.customer_id
            and dates.as_of_date >= known_customers.known_from
    {%- if is_incremental_build %}
    left join changes
        on days.customer_id = changes.customer_id
    where
        {{ moved('days.as_of_date') }}
        or days.as_of_date >= changes.changed_from
    {%- endif %}

)

select * from evaluation_days

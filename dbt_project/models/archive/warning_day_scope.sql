-- Which customers this run looks at for warnings, on which days beside the month-ends. A warning comes or goes when a fact
-- other than a bill or a payment does, on the customer's first day, on the day after a due date, when a bill is overdue by as many
-- days as a rule names, by a payment or a bounce from then on, and for those graded low at the month-end before, also when a bill or a payment moves and before a bill falls due.
{{ config(indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}
-- Read by incremental runs alone: depends_on: {{ ref('change_scope') }} {{ ref('open_bill') }} {{ ref('customer_scope') }}

{%- set is_narrow = is_narrow() %}
{#- In default the grade changes as well. #}
{%- set days_overdue = (warning_thresholds('max_days_overdue') + [default_days()]) | unique | sort %}
{%- set is_late_from = dbt.dateadd('day', days_overdue | first, 'balances.due_on') %}
{%- set days_to_due = warning_thresholds('days_to_next_due') %}
{%- set looked_from = 'touched.looked_from' if is_narrow else "cast('" ~ var('warned_from') ~ "' as date)" %}
with

dates as (

    select * from {{ ref('warning_date') }}

),

{% if is_narrow %}
scope as (

    select * from {{ ref('customer_scope') }}

),

changes as (

    select * from {{ ref('change_scope') }}

),

open_bills as (

    select * from {{ ref('open_bill') }}

),

-- Whose days between the last release and this run may be looked at: those with facts, and those of whom a bill comes of age.
-- Those of whom facts changed are looked at from the day on which these matter.
reasons as (

    select
        customer_id,
        {{ aged_from() }} as looked_from
    from scope
    where has_moved

    union all

    select
        customer_id,
        changed_from as looked_from
    from changes

    union all

    select
        customer_id,
        {{ aged_from() }} as looked_from
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
        min(looked_from) as looked_from
    from reasons
    group by customer_id

),
{% endif %}
known_customers as (

    {{ known_from('touched' if is_narrow else none) }}

),

-- Those that began or ended since, or left something open; most bills have long been paid.
balances as (

    select balances.* from {{ ref('bill_balance') }} as balances
    {%- if is_narrow %}
    inner join touched
        on balances.customer_id = touched.customer_id
    {%- endif %}
    where
        balances.valid_from >= {{ looked_from }}
        or (
            balances.valid_to >= {{ looked_from }}
            and (
                balances.open_amount > 0
                or balances.valid_to < {{ end_of_time() }}
            )
        )

),

events as (

    select * from {{ ref('customer_event') }}
    where true {{ only_of('touched' if is_narrow else none) }}

),

low_ratings as (

    select ratings.* from {{ ref('rating_at_month_end') }} as ratings
    {%- if is_narrow %}
    inner join touched
        on ratings.customer_id = touched.customer_id
    {%- endif %}
    where
        ratings.grade_rank >= {{ watched_grade_rank() }}
        and ratings.as_of_date >= {{ dbt.dateadd('month', -1, looked_from) }}

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

watched_days as (

    select
        bill_days.customer_id,
        bill_days.as_of_date
    from bill_days
    inner join dates
        on bill_days.as_of_date = dates.as_of_date
    inner join low_ratings
        on
            dates.previous_month_end = low_ratings.as_of_date
            and bill_days.customer_id = low_ratings.customer_id

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

scope_days as (

    select
        dates.as_of_date,
        days.customer_id,
        dates.year_before,
        true as is_known
    from days
    inner join dates
        on days.as_of_date = dates.as_of_date
    inner join known_customers
        on
            days.customer_id = known_customers.customer_id
            and dates.as_of_date >= known_customers.known_from
    {%- if is_narrow %}
    left join changes
        on days.customer_id = changes.customer_id
    where
        {{ moved('days.as_of_date') }}
        or days.as_of_date >= changes.changed_from
    {%- endif %}

)

select * from scope_days

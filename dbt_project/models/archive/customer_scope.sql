-- Whose last-day rows this run replaces: everybody's, or those with changed facts and those whose state ages with the days.
-- Read by incremental runs alone, which dbt does not see when it parses: depends_on: {{ ref('bill_state') }} {{ ref('stg_payment') }} {{ ref('customer_event') }}
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{%- set is_narrow = is_narrow() and not var('is_new_month') %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

loose_payments as (

    select * from {{ ref('loose_payment') }}

),

{% if is_narrow %}
states as (

    select * from {{ ref('bill_state') }}

),

payments as (

    select * from {{ ref('stg_payment') }}

),

events as (

    select * from {{ ref('customer_event') }}

),

customers as (

    select
        customers.customer_id,
        customers.opened_on,
        cast({{ dbt.dateadd('month', 'dates.new_customer_months', 'customers.opened_on') }} as date) as rated_from
    from {{ ref('stg_customer') }} as customers
    cross join dates

),

-- The days that the state moves over, and the same days a year before, on which facts leave the windows.
moves as (

    select
        cast('{{ var("aged_from") }}' as date) as first_day,
        cast('{{ var("aged_to") }}' as date) as last_day,
        cast({{ dbt.dateadd('month', -12, "cast('" ~ var("aged_from") ~ "' as date)") }} as date) as first_day_before,
        cast({{ dbt.dateadd('month', -12, "cast('" ~ var("aged_to") ~ "' as date)") }} as date) as last_day_before

),

touched as (

    select customer_id from {{ source('ops', 'changed_customer') }}

    union

    -- Loose cash pays whatever is open on the day.
    select customer_id from loose_payments

    union

    -- Overdue on one of the days, or with a change, an issue or a due day on one of them.
    select states.customer_id
    from states
    cross join moves
    where
        (
            states.settled_on is null
            and states.due_on < moves.last_day
            and states.valid_from <= moves.last_day
            and states.valid_to > moves.first_day
        )
        or states.valid_from between moves.first_day and moves.last_day
        or states.valid_to between moves.first_day and moves.last_day
        or states.issued_on between moves.first_day and moves.last_day
        or states.due_on between moves.first_day and moves.last_day
        or states.issued_on between moves.first_day_before and moves.last_day_before
        or states.due_on between moves.first_day_before and moves.last_day_before

    union

    select payments.customer_id
    from payments
    cross join moves
    where
        payments.reverses_payment_id is not null
        and (
            payments.paid_on between moves.first_day and moves.last_day
            or payments.paid_on between moves.first_day_before and moves.last_day_before
        )

    union

    -- Filed before it happened, or open until one of the days; what is counted by months changes at their starts.
    select events.customer_id
    from events
    cross join moves
    where
        events.happened_on between moves.first_day and moves.last_day
        or events.ended_on between moves.first_day and moves.last_day

    union

    select customers.customer_id
    from customers
    cross join moves
    where
        customers.opened_on between moves.first_day and moves.last_day
        or customers.rated_from between moves.first_day and moves.last_day

),

known_customers as (

    {{ known_from('touched') }}

),
{% else %}
known_customers as (

    {{ known_from(none) }}

),

touched as (

    select customer_id from known_customers

    union

    -- Also those who are known no longer: their rows go.
    select customer_id from {{ source('ops', 'changed_customer') }}

),
{% endif %}
scope as (

    select
        dates.as_of_date,
        touched.customer_id,
        dates.year_before,
        touched.customer_id in (select customer_id from loose_payments) as has_loose_cash,
        coalesce(known_customers.known_from <= dates.as_of_date, false) as is_known
    from touched
    cross join dates
    left join known_customers
        on touched.customer_id = known_customers.customer_id

)

select * from scope

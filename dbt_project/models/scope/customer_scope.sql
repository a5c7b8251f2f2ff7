-- Whose last-day rows this run replaces: everybody's, or those with changed facts and those whose state ages with the
-- days.
-- Read by incremental runs alone, which dbt does not see when it parses:
-- depends_on: {{ ref('stg_bill') }} {{ ref('bill_balance') }} {{ ref('stg_customer') }}
-- depends_on: {{ ref('movement') }} {{ ref('returned_payment') }} {{ ref('changed_account') }}
-- depends_on: {{ ref('customer_event') }} {{ ref('usage_scope') }}
-- depends_on: {{ ref('promise') }} {{ ref('instalment') }} {{ ref('stg_collection_action') }}
-- depends_on: {{ ref('stg_tariff') }} {{ ref('attribute_value') }} {{ ref('stg_officer_assignment') }}
-- depends_on: {{ ref('contract_term') }} {{ source('lineage', 'loads') }}
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{%- set is_incremental_build = is_incremental_build() and not var('is_new_month') %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

{% if is_incremental_build %}
bills as (

    select * from {{ ref('stg_bill') }}

),

balances as (

    select * from {{ ref('bill_balance') }}

),

movements as (

    select * from {{ ref('movement') }}

),

returned_payments as (

    select * from {{ ref('returned_payment') }}

),

events as (

    select * from {{ ref('customer_event') }}

),

terms as (

    select * from {{ ref('contract_term') }}

),

attributes as (

    select * from {{ ref('attribute_value') }}

),

assignments as (

    select * from {{ ref('stg_officer_assignment') }}
    where not is_deleted

),

actions as (

    select * from {{ ref('stg_collection_action') }}
    where not is_deleted

),

-- Advice states what it is worth: a price that came, went or took effect is everybody's.
changed_prices as (

    select _file_id as file_id from {{ ref('stg_tariff') }}
    where
        _file_id in ({{ new_files() }})
        or {{ moved('valid_from') }}

    union all

    select file_id from {{ source('lineage', 'loads') }}
    where
        extract = 'tariff'
        and file_id in ({{ (var('reverted_files') or [-1]) | join(', ') }})

),

-- Judged once their day has passed.
promises as (

    select * from {{ ref('promise') }}

),

instalments as (

    select * from {{ ref('instalment') }}

),

usage_scope as (

    select * from {{ ref('usage_scope') }}

),

customers as (

    select
        customers.customer_id,
        customers.opened_on,
        cast({{ dbt.dateadd('month', 'dates.new_customer_months', 'customers.opened_on') }} as date) as rated_from
    from {{ ref('stg_customer') }} as customers
    cross join dates

),

-- Whom the day concerns; `has_moved` where a fact does or a bill falls due, and not only the days that pass.
concerned as (

    select
        customer_id,
        1 as has_moved
    from {{ ref('changed_account') }}

    union all

    -- A reading shows nothing of use before its month has ended.
    select
        usage_scope.customer_id,
        1 as has_moved
    from usage_scope
    inner join dates
        on usage_scope.measured_from < dates.month_start

    union all

    -- Money came or went, or pays another bill than before.
    select
        account_id as customer_id,
        1 as has_moved
    from movements
    where {{ moved('moved_on') }}

    union all

    select
        customer_id,
        1 as has_moved
    from balances
    where {{ moved('valid_from') }}

    union all

    -- Overdue by now.
    select
        customer_id,
        0 as has_moved
    from balances
    where
        open_amount > 0
        and due_on < {{ last_day() }}
        and valid_from <= {{ last_day() }}
        and valid_to > {{ last_day() }}

    union all

    -- With a bill issued or due in the days between, or one that has left a window of a policy's features.
    select
        customer_id,
        case when {{ moved('issued_on') }} or due_on between {{ aged_from() }} and {{ last_day() }} then 1 else 0 end
            as has_moved
    from bills
    where
        {{ moved('issued_on') }}
        or due_on between {{ aged_from() }} and {{ last_day() }}
        or {{ moved('issued_on', 12) }}
        {%- for months in payment_windows() %}
        or {{ moved('due_on', months) }}
        {%- endfor %}

    union all

    select
        customer_id,
        0 as has_moved
    from returned_payments
    where
        {%- for months in payment_windows() %}
        {{ 'or ' if not loop.first }}{{ moved('returned_on', months) }}
        {%- endfor %}

    union all

    -- Filed before it happened, or open until one of the days; what is counted by months changes at their starts.
    select
        customer_id,
        1 as has_moved
    from events
    where
        {{ moved('happened_on') }}
        or {{ moved('ended_on') }}

    union all

    select
        customer_id,
        0 as has_moved
    from terms
    where {{ moved('valid_from') }}

    union all

    select
        customer_id,
        1 as has_moved
    from attributes
    where
        {{ moved('valid_from') }}
        or {{ moved('valid_to') }}

    union all

    select
        customer_id,
        0 as has_moved
    from promises
    where
        {{ moved('acted_on') }}
        or {{ moved(dbt.dateadd('day', 1, 'stands_until')) }}

    union all

    -- What is promised of another's bill holds that bill.
    select
        account_id as customer_id,
        0 as has_moved
    from promises
    where
        {{ moved('acted_on') }}
        or {{ moved(dbt.dateadd('day', 1, 'stands_until')) }}

    union all

    select
        customer_id,
        0 as has_moved
    from instalments
    where {{ moved(dbt.dateadd('day', 1, 'due_on')) }}

    union all

    select
        account_id as customer_id,
        0 as has_moved
    from instalments
    where {{ moved(dbt.dateadd('day', 1, 'due_on')) }}

    union all

    select
        customer_id,
        0 as has_moved
    from actions
    where {{ moved('acted_on') }}

    union all

    select
        customer_id,
        0 as has_moved
    from assignments
    where
        {{ moved('valid_from') }}
        or {{ moved(dbt.dateadd('day', 1, 'valid_to')) }}

    union all

    select
        customer_id,
        0 as has_moved
    from customers
    where exists (select 1 from changed_prices)

    union all

    select
        customer_id,
        case when {{ moved('opened_on') }} then 1 else 0 end as has_moved
    from customers
    where
        {{ moved('opened_on') }}
        or {{ moved('rated_from') }}

),

touched as (

    select
        customer_id,
        max(has_moved) as has_moved
    from concerned
    group by customer_id

),

known_customers as (

    {{ known_from('touched') }}

),
{% else %}
known_customers as (

    {{ known_from(none) }}

),

touched as (

    select
        customer_id,
        1 as has_moved
    from known_customers

    union

    -- Also those who are no longer known: their rows go.
    select
        customer_id,
        1 as has_moved
    from {{ ref('changed_account') }}

),
{% endif %}
scope as (

    select
        dates.as_of_date,
        touched.customer_id,
        dates.year_before,
        coalesce(known_customers.known_from <= dates.as_of_date, false) as is_known,
        touched.has_moved = 1 as has_moved
    from touched
    cross join dates
    left join known_customers
        on touched.customer_id = known_customers.customer_id

)

select * from scope

{% macro bill_ledger(customers=none) -%}
    {#- Bills, each with the day on which a reversal cancelled it. Of some customers alone, each import is narrowed. -#}
with

bills as (

    select * from {{ ref('stg_bill') }}
    where
        not is_deleted
        {{ only_of(customers) }}
        and reverses_bill_id is null

),

reversals as (

    {{ bill_reversals(customers) }}

),

ledger as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.amount,
        bills.is_disputed,
        bills.period,
        bills.issued_on,
        bills.due_on,
        reversals.reversed_on
    from bills
    left join reversals
        on
            bills.customer_id = reversals.customer_id
            and bills.bill_id = reversals.bill_id

)

select * from ledger
{%- endmacro %}

{% macro bill_reversals(customers=none) -%}
    {#- The day on which each reversed bill was cancelled. -#}
    select
        customer_id,
        reverses_bill_id as bill_id,
        min(issued_on) as reversed_on
    from {{ ref('stg_bill') }}
    where
        not is_deleted
        {{ only_of(customers) }}
        and reverses_bill_id is not null
    group by customer_id, reverses_bill_id
{%- endmacro %}

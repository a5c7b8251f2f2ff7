{% macro bill_ledger(customers=none) -%}
    {#- Bills, each with the day on which a reversal cancelled it. Of some customers alone, each import is narrowed. -#}
with

bills as (

    {{ originals('bill', customers) }}

),

reversals as (

    {{ reversals('bill', 'issued_on', customers) }}

),

ledger as (

    select
        bills.bill_id,
        bills.customer_id,
        bills.kind,
        bills.energy_charge,
        bills.demand_charge,
        bills.adjustment,
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

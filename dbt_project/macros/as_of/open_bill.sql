{% macro open_bill(scope) -%}
    {#- The bills that the customers of a scope had not paid in full as of its dates. -#}
    {%- set loose_cash = of_scope('loose_cash', scope) -%}
with

{{ scopes_by_loose_cash(scope) }},
{% for with_loose_cash in (false, true) %}
{{ 'bills_with_loose_cash' if with_loose_cash else 'bills' }} as (

    select
        {{ date_of(scope, 'scope') }}
        scope.customer_id,
        bills.bill_id,
        bills.amount,
        bills.open_amount,
        bills.issued_on,
        bills.due_on
    from {{ 'scope_with_loose_cash as scope' if with_loose_cash else 'scope' }}
    cross join lateral (
        {{ bills_then(scope, loose_cash if with_loose_cash else none) }}
        {#- Spares the look at bills that are paid. #}
        and states.settled_on is null
    ) as bills
    where bills.open_amount > 0

),
{% endfor %}
open_bills as (

    select * from bills

    union all

    select * from bills_with_loose_cash

)

select * from open_bills
{%- endmacro %}

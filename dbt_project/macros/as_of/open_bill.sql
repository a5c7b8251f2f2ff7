{% macro open_bill(scope) -%}
    {#- The bills that the customers of a scope had not paid in full as of its dates. -#}
with

scope as (

    select * from {{ ref(scope) }}
    where is_known

),

balances as (

    select * from {{ ref('bill_balance') }}
    where open_amount > 0

),

open_bills as (

    select
        {{ date_of(scope, 'scope') }}
        balances.customer_id,
        balances.bill_id,
        balances.amount,
        balances.open_amount,
        balances.is_disputed,
        balances.issued_on,
        balances.due_on
    from scope
    inner join balances
        on
            scope.customer_id = balances.customer_id
            and scope.as_of_date >= balances.valid_from
            and scope.as_of_date < balances.valid_to

)

select * from open_bills
{%- endmacro %}

{% macro root_bills(customers=none) -%}
    {#- Bills in the ledger's sense: positive, and no reversal of anything. Of some customers alone, if given. -#}
    select
        bills.bill_id,
        bills.customer_id,
        bills.amount,
        bills.is_disputed,
        bills.kind,
        bills.period,
        bills.issued_on,
        bills.due_on
    from {{ ref('stg_bill') }} as bills
    where
        not bills.is_deleted
        and bills.amount > 0
        {{ only_of(customers) }}
        and (
            bills.reverses_bill_id is null
            or bills.bill_id in (select reversals.fact_id from {{ ref('reversal') }} as reversals where reversals.extract = 'bill' and reversals.kind = 'bill')
        )
{%- endmacro %}

{% macro is_root_payment(payments) -%}
    {#- Whether a payment is money in of its own, and gives back no return. -#}
    {{ payments }}.amount > 0
    and (
        {{ payments }}.reverses_payment_id is null
        or {{ payments }}.payment_id in (
            select reversals.fact_id from {{ ref('reversal') }} as reversals where reversals.extract = 'payment' and reversals.kind = 'payment'
        )
    )
{%- endmacro %}

{% macro payments_of_changed_accounts(condition) -%}
    {#- Payments by the customers whose accounts changed, or for their bills; of a full build all of them. -#}
    {%- if changed_customers() -%}
    select payments.*
    from {{ ref('stg_payment') }} as payments
    where
        not payments.is_deleted
        and payments.customer_id in (select customer_id from {{ changed_customers() }})
        and {{ condition }}

    union

    select payments.*
    from {{ ref('stg_payment') }} as payments
    where
        not payments.is_deleted
        and payments.bill_id in (
            select bill_id from {{ ref('stg_bill') }}
            where customer_id in (select customer_id from {{ changed_customers() }})
        )
        and {{ condition }}
    {%- else -%}
    select payments.*
    from {{ ref('stg_payment') }} as payments
    where
        not payments.is_deleted
        and {{ condition }}
    {%- endif -%}
{%- endmacro %}

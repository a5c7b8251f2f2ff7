{#- Whoever reads what staging notes of changed customers comes after this model, and this one after all that notes. #}
{%- set noting = [
    'bill', 'collection_action', 'customer', 'customer_attribute', 'department_notice', 'dispute', 'external_risk',
    'grade_override', 'inspection', 'instalment', 'investigation', 'officer_assignment', 'party', 'payment',
    'service_order', 'warning_acknowledgement',
] %}
{#- Read by no query, so named while dbt parses. #}
{%- if not execute %}
-- depends_on:{% for extract in noting %} {{ ref('stg_' ~ extract) }}{% endfor %}
{%- endif %}
-- Every bill or payment that refers to another one: the root of its chain, how far from it, and from which day on it
-- counts.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        pre_hook="{{ note_linked_customers() }}",
        indexes=[
            {'columns': ['extract', 'fact_id'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['root_customer_id']},
        ],
    )
}}

with recursive

{{ reversal_chain('bill', 'issued_on') }},

{{ reversal_chain('payment', 'paid_on') }},

followed as (

    select
        'bill' as extract,
        referring.bill_id as fact_id,
        referring.customer_id,
        referring.amount,
        referring.dated_on,
        referring.reverses_bill_id as parent_id,
        bill_chain.root_id,
        bill_chain.root_amount,
        bill_chain.root_customer_id,
        bill_chain.level,
        coalesce(bill_chain.in_force_on, referring.dated_on) as in_force_on
    from referring_bills as referring
    left join bill_chain
        on referring.bill_id = bill_chain.bill_id

    union all

    select
        'payment' as extract,
        referring.payment_id as fact_id,
        referring.customer_id,
        referring.amount,
        referring.dated_on,
        referring.reverses_payment_id as parent_id,
        payment_chain.root_id,
        payment_chain.root_amount,
        payment_chain.root_customer_id,
        payment_chain.level,
        coalesce(payment_chain.in_force_on, referring.dated_on) as in_force_on
    from referring_payments as referring
    left join payment_chain
        on referring.payment_id = payment_chain.payment_id

),

named as (

    select
        extract,
        fact_id,
        customer_id,
        amount,
        dated_on,
        parent_id,
        root_id,
        root_amount,
        root_customer_id,
        level,
        in_force_on,
        case
            when level is null then 'ring'
            when level > {{ deepest_reversal() }} then 'too_deep'
            when extract = 'bill' and level = 0 and amount > 0 then 'bill'
            when extract = 'bill' and level = 0 then 'standalone_credit'
            when extract = 'bill' and level = 1 and root_amount > 0 then 'credit_note'
            when extract = 'payment' and level = 0 and amount > 0 then 'payment'
            -- A return of a payment that never came, or of another return, takes nothing.
            when extract = 'payment' and level = 0 then 'return_of_nothing'
            when extract = 'payment' and level = 1 and root_amount > 0 then 'return'
            else 'reversal'
        end as kind
    from followed

)

select * from named

-- The customers of new, corrected or reverted facts and readings, and from which day on these matter.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}
-- Noted while staging models replace rows:
-- depends_on: {{ ref('stg_customer') }} {{ ref('stg_bill') }} {{ ref('stg_payment') }}
-- depends_on: {{ ref('customer_event') }} {{ ref('stg_officer_assignment') }} {{ ref('stg_department_notice') }}
-- depends_on: {{ ref('stg_customer_attribute') }}

with

facts as (

    select * from {{ ref('changed_account') }}

),

use as (

    select * from {{ ref('usage_scope') }}

),

notes as (

    select
        customer_id,
        changed_from
    from facts

    union all

    select
        customer_id,
        changed_from
    from use

),

changed as (

    select
        customer_id,
        min(changed_from) as changed_from
    from notes
    group by customer_id

)

select * from changed

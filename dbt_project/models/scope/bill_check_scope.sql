-- Linked customers are noted by a model before: depends_on: {{ ref('reversal') }}
-- The customers whose bills this run computes again: those with changed facts or readings; everybody when a price
-- changed.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{#- Once a file is reverted, nothing shows any longer whose prices it brought. #}
{%- set is_everybody = not is_incremental_build() or var('reverted_files') %}
with

customers as (

    select * from {{ ref('stg_customer') }}

),

usage_scope as (

    select * from {{ ref('usage_scope') }}

),

new_prices as (

    select * from {{ ref('stg_tariff') }}
    where _file_id in ({{ new_files() }})

),

touched as (

    select customer_id from {{ source('ops', 'changed_customer') }}
    where extract in ('bill', 'customer', 'linked')

    union

    select customer_id from usage_scope

    union

    select customer_id from customers
    where {{ 'true or' if is_everybody }} exists (select 1 from new_prices)

)

select * from touched

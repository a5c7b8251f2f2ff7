-- The customers whose bills this run computes again: those with changed facts or readings; everybody when a price changed.
-- Read by incremental runs alone: depends_on: {{ ref('usage_scope') }}
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

customers as (

    select * from {{ ref('stg_customer') }}

),

{% if is_narrow() -%}
new_prices as (

    select * from {{ source('raw', 'tariff') }}
    where _file_id in ({{ (var('new_files') or [-1]) | join(', ') }})

),

touched as (

    select customer_id from {{ source('ops', 'changed_customer') }}

    union

    select customer_id from {{ ref('usage_scope') }}

    union

    select customer_id from customers
    where
        exists (select 1 from new_prices)
        {#- Of an undone file nothing tells any longer whose prices it brought. #}
        or {{ 'true' if var('undone_files') else 'false' }}

)
{%- else -%}
touched as (

    select customer_id from customers

)
{%- endif %}

select * from touched

-- The customers whose months of use this run measures anew, and from which month on: that of the first reading that changed,
-- or the one before where the reading is early in a month, since that ends the use of the month before.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}
-- depends_on: {{ ref('stg_meter_reading') }}

with

changed as (

    select
        customer_id,
        min(changed_from) as changed_from
    from {{ source('ops', 'changed_usage') }}
    group by customer_id

),

scope as (

    select
        customer_id,
        changed_from,
        cast({{ dbt.date_trunc('month', "greatest(changed_from, cast('1900-01-01' as date)) - 15") }} as date) as measured_from
    from changed

)

select * from scope

-- The customers whose months of use this run measures again, and from which month on.
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
        cast({{ dbt.date_trunc('month', 'changed_from') }} as date) as measured_from
    from changed

)

select * from scope

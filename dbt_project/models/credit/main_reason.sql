-- The reasons shown first: the indicators that cost a customer the most points.
{{ config(materialized='view') }}

with

indicator_points as (

    select * from {{ ref('indicator_points') }}

),

lost as (

    select
        customer_id,
        indicator,
        reason_code,
        weight - points as points_lost,
        row_number() over (
            partition by customer_id
            order by weight - points desc, indicator asc
        ) as reason_rank
    from indicator_points
    where points < weight

),

main_reasons as (

    select * from lost
    where reason_rank <= 3

)

select * from main_reasons

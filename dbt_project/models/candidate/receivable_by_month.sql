with

months as (

    select * from {{ ref('receivable_month') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(region as text) as region,
        cast(segment as text) as segment,
        cast(billed_amount as numeric(18, 2)) as billed_amount,
        cast(collected_amount as numeric(18, 2)) as collected_amount,
        cast(receivable_amount as numeric(18, 2)) as receivable_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(dso as numeric(10, 2)) as dso,
        cast(collection_rate as numeric(10, 4)) as collection_rate
    from months

)

select * from as_contracted

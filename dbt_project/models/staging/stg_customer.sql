with

-- A file that lands while a build runs has passed no gate yet: the next build reads it.
checked_files as (

    select distinct file_id from {{ source('lineage', 'run_files') }}

),

deliveries as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by _file_id desc, _line_no desc
        ) as delivery_rank
    from {{ source('raw', 'customer') }}
    where _file_id in (select file_id from checked_files)

),

newest as (

    select
        customer_id,
        segment,
        coalesce(region, 'unknown') as region,
        coalesce(org_unit, 'unknown') as org_unit,
        opened_on,
        closed_on,
        _file_id,
        _line_no
    from deliveries
    where delivery_rank = 1

)

select * from newest

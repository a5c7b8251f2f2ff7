with

newest as (

    {{ newest_delivery('customer', 'customer_id') }}

),

renamed as (

    select
        customer_id,
        segment,
        coalesce(region, 'unknown') as region,
        coalesce(org_unit, 'unknown') as org_unit,
        opened_on,
        closed_on,
        _file_id,
        _line_no
    from newest

)

select * from renamed

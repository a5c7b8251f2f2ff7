{{
    config(
        key='tariff_code, register, valid_from',
        indexes=[{'columns': ['tariff_code', 'register', 'valid_from'], 'unique': true}],
    )
}}

with

newest as (

    {{ newest_delivery('tariff') }}

),

renamed as (

    select
        tariff_code,
        register,
        unit_price,
        demand_price,
        capacity_price,
        power_factor_standard,
        valid_from,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed

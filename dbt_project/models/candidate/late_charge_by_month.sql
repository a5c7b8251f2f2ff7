{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

months as (

    select * from {{ ref('late_charge_month') }}

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(unpaid_amount - billed_amount + paid_amount + waived_amount as numeric(18, 2)) as opening_amount,
        cast(billed_amount as numeric(18, 2)) as billed_amount,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast(waived_amount as numeric(18, 2)) as waived_amount,
        cast(unpaid_amount as numeric(18, 2)) as unpaid_amount
    from months

)

select * from as_contracted

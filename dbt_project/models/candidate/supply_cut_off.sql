{{ config(indexes=[{'columns': ['action_id'], 'unique': true}]) }}

with

cuts as (

    select * from {{ ref('cut_off') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

as_contracted as (

    select
        cast(cuts.action_id as {{ dbt.type_string() }}) as action_id,
        cast(cuts.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(cuts.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(cuts.cut_off_on as date) as cut_off_on,
        cast(cuts.reconnected_on as date) as reconnected_on,
        cast(cuts.closed_on as date) as closed_on,
        cast(cuts.is_cut_off as boolean) as is_cut_off,
        cast(cuts.days_without_supply as integer) as days_without_supply,
        cast(cuts.kwh_after_cut_off as numeric(18, 3)) as kwh_after_cut_off,
        cast(cuts.days_measured as integer) as days_measured
    from cuts
    left join customers
        on cuts.customer_id = customers.customer_id

)

select * from as_contracted

-- The bills that differ from what readings and tariff give by more than the policy tolerates.
{{ config(indexes=[{'columns': ['bill_id'], 'unique': true}]) }}

with

checks as (

    select * from {{ ref('bill_check') }}
    where outcome = 'differs'

),

customers as (

    select * from {{ ref('stg_customer') }}

),

differing as (

    select
        cast(checks.bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(checks.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(checks.tariff_code as {{ dbt.type_string() }}) as tariff_code,
        cast(checks.period as date) as period,
        cast(checks.energy_kwh as numeric(18, 3)) as energy_kwh,
        cast(checks.max_demand_kw as numeric(18, 3)) as max_demand_kw,
        cast(checks.amount as numeric(18, 2)) as amount,
        cast(checks.amount - checks.difference as numeric(18, 2)) as computed_amount,
        cast(checks.energy_difference as numeric(18, 2)) as energy_difference,
        cast(checks.demand_difference as numeric(18, 2)) as demand_difference,
        cast(checks.adjustment_difference as numeric(18, 2)) as adjustment_difference,
        cast(checks.difference as numeric(18, 2)) as difference,
        cast(checks.is_estimated as boolean) as is_estimated
    from checks
    inner join customers
        on checks.customer_id = customers.customer_id

)

select * from differing

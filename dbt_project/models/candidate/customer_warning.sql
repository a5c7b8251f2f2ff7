with

warnings as (

    select * from {{ ref('warning') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

current_warnings as (

    select
        cast(warnings.customer_id as text) as customer_id,
        cast(warnings.rule as text) as rule,
        cast(warnings.level as text) as level,
        cast(customers.region as text) as region,
        cast(customers.org_unit as text) as org_unit,
        cast(warnings.evidence as text) as evidence,
        cast(warnings.measure as text) as measure,
        cast(warnings.department as text) as department,
        cast(warnings.deadline as date) as deadline,
        cast(warnings.policy_version as text) as policy_version
    from warnings
    inner join customers
        on warnings.customer_id = customers.customer_id

)

select * from current_warnings

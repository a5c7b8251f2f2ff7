{{ config(indexes=[{'columns': ['policy_version', 'department', 'staff_id'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

receipts as (

    select * from {{ ref('stg_policy_receipt') }}
    where not is_deleted

),

as_contracted as (

    select
        cast(receipts.policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(receipts.department as {{ dbt.type_string() }}) as department,
        cast(receipts.staff_id as {{ dbt.type_string() }}) as staff_id,
        cast(receipts.received_on as date) as received_on
    from receipts
    inner join dates
        on receipts.received_on <= dates.as_of_date

)

select * from as_contracted

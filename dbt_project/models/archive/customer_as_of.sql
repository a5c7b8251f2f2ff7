with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

customers_then as (

    select
        dates.as_of_date,
        customers.customer_id,
        customers.segment,
        customers.region,
        customers.org_unit,
        customers.opened_on,
        {{ dbt.dateadd('month', 'dates.new_customer_months', 'customers.opened_on') }} > dates.as_of_date
            as is_new_customer
    from dates
    inner join customers
        on customers.opened_on <= dates.as_of_date

)

select * from customers_then

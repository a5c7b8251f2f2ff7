-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

positions as (

    select * from {{ ref('credit_position') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

conduct as (

    select * from {{ ref('conduct') }}
    where as_of_date = {{ last_day() }}

),

as_contracted as (

    select
        cast(positions.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(customers.segment as {{ dbt.type_string() }}) as segment,
        cast(customers.region as {{ dbt.type_string() }}) as region,
        cast(customers.org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(positions.grade as {{ dbt.type_string() }}) as grade,
        cast(positions.mean_monthly_bill as numeric(18, 2)) as mean_monthly_bill,
        cast(positions.peak_season_factor as numeric(4, 2)) as peak_season_factor,
        cast(positions.limit_months as numeric(4, 2)) as limit_months,
        cast(positions.credit_limit as numeric(18, 2)) as credit_limit,
        cast(positions.open_amount as numeric(18, 2)) as open_amount,
        cast(positions.unbilled_amount as numeric(18, 2)) as unbilled_amount,
        cast(positions.exposure as numeric(18, 2)) as exposure,
        cast(positions.credit_limit - positions.exposure as numeric(18, 2)) as headroom,
        cast(positions.utilisation as numeric(18, 4)) as utilisation,
        cast(positions.deposit_amount as numeric(18, 2)) as deposit_amount,
        cast(positions.guarantee_amount as numeric(18, 2)) as guarantee_amount,
        cast(coalesce(conduct.guarantors, 0) as integer) as guarantors,
        cast(greatest(positions.exposure - positions.security_amount, 0) as numeric(18, 2)) as unsecured_exposure,
        cast(positions.payment_mode as {{ dbt.type_string() }}) as payment_mode,
        cast(positions.recommended_payment_mode as {{ dbt.type_string() }}) as recommended_payment_mode,
        cast(positions.payment_mode <> positions.recommended_payment_mode as boolean) as is_mode_to_change,
        cast(positions.policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(positions.grade_rank as integer) as grade_rank
    from scope
    inner join positions
        on scope.customer_id = positions.customer_id
    inner join customers
        on scope.customer_id = customers.customer_id
    left join conduct
        on scope.customer_id = conduct.customer_id

)

select * from as_contracted

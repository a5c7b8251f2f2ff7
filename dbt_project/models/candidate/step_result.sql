{{ config(indexes=[{'columns': ['step', 'days_after'], 'unique': true}]) }}

with

effects as (

    select * from {{ ref('step_effect') }}

),

as_contracted as (

    select
        cast(step as {{ dbt.type_string() }}) as step,
        cast(days_after as integer) as days_after,
        cast(bills as integer) as bills,
        cast(paid as integer) as paid,
        cast({{ rounded_ratio('paid * 1.0', 'bills', 4) }} as numeric(6, 4)) as paid_rate,
        cast(compared_bills as integer) as compared_bills,
        cast(bills_not_reached as integer) as bills_not_reached,
        cast({{ rounded('compared_rate', 4) }} as numeric(6, 4)) as compared_paid_rate,
        cast({{ rounded('rate_not_reached', 4) }} as numeric(6, 4)) as paid_rate_not_reached,
        cast({{ rounded('compared_rate - rate_not_reached', 4) }} as numeric(6, 4)) as difference,
        cast({{ rounded('compared_rate - rate_not_reached - half_width', 4) }} as numeric(6, 4)) as difference_low,
        cast({{ rounded('compared_rate - rate_not_reached + half_width', 4) }} as numeric(6, 4)) as difference_high,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast({{ rounded('effective_reached', 1) }} as numeric(12, 1)) as effective_customers,
        cast({{ rounded('effective_not_reached', 1) }} as numeric(12, 1)) as effective_customers_not_reached
    from effects

)

select * from as_contracted

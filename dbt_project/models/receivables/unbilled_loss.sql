-- The loss to be expected of what was supplied and is not billed yet, as of each date.
{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

positions as (

    select * from {{ ref('credit_position') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

matrix as (

    select
        as_of_date,
        segment,
        expected_default_rate
    from {{ ref('default_matrix') }}
    where days_overdue = {{ first_age() }}

),

-- What of deposit and guarantee no open bill needs stands against it.
supplied as (

    select
        positions.as_of_date,
        positions.policy_version,
        {{ place(with_names=true) }},
        positions.pursued_days_overdue > {{ default_days() }} as is_in_default,
        positions.supplied_amount,
        greatest(
            positions.supplied_amount - greatest(positions.security_amount - coalesce(positions.open_amount, 0), 0), 0
        ) as net_amount
    from positions
    inner join dates
        on positions.as_of_date = dates.as_of_date
    left join customers
        on positions.customer_id = customers.customer_id
    where positions.supplied_amount > 0

),

weighed as (

    select
        supplied.*,
        {{ probability_of_default('supplied') }} as probability_of_default,
        {{ loss_given_default(first_age() | string) }} as loss_given_default
    from supplied
    left join matrix
        on
            supplied.as_of_date = matrix.as_of_date
            and supplied.segment = matrix.segment

),

losses as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        {{ money('sum(supplied_amount)') }} as unbilled_amount,
        {{ money('sum(round(' ~ product('net_amount', 'probability_of_default', 'loss_given_default') ~ ', 2))') }}
            as unbilled_loss
    from weighed
    group by as_of_date, region, org_unit, segment

)

select * from losses

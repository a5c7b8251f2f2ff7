{{ config(indexes=[{'columns': ['as_of_date', 'segment', 'ageing_bucket'], 'unique': true}]) }}

with

outcomes as (

    select * from {{ ref('defaulted_of_open') }}

),

dates as (

    select * from {{ ref('allowance_date') }}
    where has_whole_year

),

matrix as (

    select * from {{ ref('default_matrix') }}

),

-- Bills of customers who were in default were expected to be lost, whatever their age.
expected as (

    select
        outcomes.opened_on as as_of_date,
        outcomes.as_of_date as known_on,
        outcomes.segment,
        outcomes.days_overdue,
        outcomes.bills,
        outcomes.open_amount,
        outcomes.known_amount,
        outcomes.defaulted_amount,
        outcomes.is_in_default,
        matrix.policy_version,
        {{ product('outcomes.known_amount', probability_of_default('outcomes')) }} as expected_amount
    from outcomes
    inner join dates
        on outcomes.opened_on = dates.as_of_date
    inner join matrix
        on
            outcomes.opened_on = matrix.as_of_date
            and outcomes.segment = matrix.segment
            and outcomes.days_overdue = matrix.days_overdue

),

bucketed as (

    select
        *,
        case when is_in_default then 'in default' else {{ ageing_bucket('days_overdue') }} end as ageing_bucket
    from expected

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(ageing_bucket as {{ dbt.type_string() }}) as ageing_bucket,
        cast(max(known_on) as date) as known_on,
        cast(sum(bills) as integer) as bills,
        cast(sum(open_amount) as numeric(18, 2)) as open_amount,
        cast(sum(known_amount) as numeric(18, 2)) as known_amount,
        cast(sum(expected_amount) as numeric(18, 2)) as expected_amount,
        cast(sum(defaulted_amount) as numeric(18, 2)) as defaulted_amount,
        cast({{ rounded_ratio('sum(expected_amount)', 'sum(known_amount)', 4) }} as numeric(9, 4)) as expected_rate,
        cast({{ rounded_ratio('sum(defaulted_amount)', 'sum(known_amount)', 4) }} as numeric(9, 4)) as default_rate,
        cast(max(policy_version) as {{ dbt.type_string() }}) as policy_version
    from bucketed
    group by as_of_date, segment, ageing_bucket

)

select * from as_contracted

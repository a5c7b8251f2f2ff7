-- Nothing where the policy of the day has sizes of its own, or a segment too few customers with bills.
{{ config(indexes=[{'columns': ['rated_month', 'segment', 'percentile'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

own_sizes as (

    select distinct policy_version from {{ source('policy', 'bill_sizes') }}

),

bounds as (

    select * from {{ ref('bill_size_bound') }}

),

bill_size_dates as (

    {{ bill_size_dates() }}

),

used as (

    select
        dates.month_start as rated_month,
        bounds.*
    from dates
    inner join bill_size_dates
        on dates.as_of_date = bill_size_dates.as_of_date
    inner join bounds
        on bill_size_dates.basis_date = bounds.basis_date
    left join own_sizes
        on dates.policy_version = own_sizes.policy_version
    where
        bounds.customers >= {{ fewest_for_tenths() }}
        and own_sizes.policy_version is null

),

by_percentile as (
    {%- for percentile in range(10, 100, 10) %}

    select
        rated_month,
        segment,
        {{ percentile }} as percentile,
        basis_date,
        from_{{ percentile }} as mean_monthly_bill,
        customers
    from used
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

as_contracted as (

    select
        cast(rated_month as date) as rated_month,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(percentile as integer) as percentile,
        cast(basis_date as date) as basis_date,
        cast(mean_monthly_bill as numeric(18, 2)) as mean_monthly_bill,
        cast(customers as integer) as customers
    from by_percentile

)

select * from as_contracted

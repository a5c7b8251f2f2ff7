-- What came in in each closed month, less what came back, as far back as the accounts go.
{{ config(indexes=[{'columns': ['month_end'], 'unique': true}]) }}

with

account_months as (

    select * from {{ ref('account_month') }}
    -- If the last day ends its month, that month is closed.
    where {{ dbt.dateadd('month', 1, 'month') }} <= {{ dbt.dateadd('day', 1, last_day()) }}

),

months as (

    select
        cast({{ dbt.dateadd('day', -1, dbt.dateadd('month', 1, 'month')) }} as date) as month_end,
        {{ money('sum(collected_amount - returned_amount)') }} as collected_amount
    from account_months
    group by month

)

select * from months

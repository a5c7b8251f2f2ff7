{{ config(indexes=[{'columns': ['due_month', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

months as (

    select * from {{ ref('instalment_month') }}

),

as_contracted as (

    select
        cast(due_month as date) as due_month,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(kept as integer) as kept,
        cast(broken as integer) as broken,
        cast(open as integer) as open,
        cast(ended as integer) as ended,
        cast(due_amount as numeric(18, 2)) as due_amount,
        cast(paid_amount as numeric(18, 2)) as paid_amount,
        cast({{ rounded_ratio('paid_amount', 'due_amount', 4) }} as numeric(6, 4)) as paid_share,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(ended_amount as numeric(18, 2)) as ended_amount,
        cast({{ rounded('effective_instalments', 1) }} as numeric(12, 1)) as effective_instalments,
        {{ interval_of_share(ratio('paid_amount', 'due_amount'), 'effective_instalments', '-') }} as paid_share_low,
        {{ interval_of_share(ratio('paid_amount', 'due_amount'), 'effective_instalments', '+') }} as paid_share_high
    from months

)

select * from as_contracted

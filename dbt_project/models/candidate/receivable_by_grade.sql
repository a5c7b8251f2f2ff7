{{ config(indexes=[{'columns': ['segment', 'grade'], 'unique': true}]) }}

with

grades as (

    select * from {{ ref('receivable_grade') }}

),

as_contracted as (

    select
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(customers as bigint) as customers,
        cast(receivable_amount as numeric(18, 2)) as receivable_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(exposure as numeric(18, 2)) as exposure,
        cast(credit_limit as numeric(18, 2)) as credit_limit,
        cast(grade_rank as integer) as grade_rank
    from grades

)

select * from as_contracted

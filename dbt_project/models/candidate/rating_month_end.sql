-- The rows that this run replaces in what is published: those of the month-ends and customers in scope.
{{ config(indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('month_end_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

in_scope as (

    select
        ratings.as_of_date,
        ratings.customer_id,
        ratings.grade,
        ratings.grade_rank,
        ratings.grade_by_policy,
        ratings.score,
        ratings.policy_version
    from scope
    inner join ratings
        on
            scope.as_of_date = ratings.as_of_date
            and scope.customer_id = ratings.customer_id

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(grade_by_policy as {{ dbt.type_string() }}) as grade_by_policy,
        cast(score as numeric(6, 2)) as score,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(grade_rank as integer) as grade_rank
    from in_scope

)

select * from as_contracted

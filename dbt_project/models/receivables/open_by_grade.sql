-- What is open by grade and age, as of each date.
{{
    config(
        materialized='incremental',
        keys_of='touched_date',
        indexes=[{'columns': ['as_of_date', 'grade', 'ageing_bucket'], 'unique': true}],
    )
}}

with

open_bills as (

    {{ open_bills_by_date() }}

),

ratings as (

    select * from {{ ref('rating') }}

),

graded as (

    select
        open_bills.as_of_date,
        open_bills.policy_version,
        coalesce(ratings.grade, 'none') as grade,
        open_bills.open_amount,
        {{ days_after('open_bills.due_on', 'open_bills.as_of_date') }} as days_overdue
    from open_bills
    left join ratings
        on
            open_bills.as_of_date = ratings.as_of_date
            and open_bills.customer_id = ratings.customer_id

),

aged as (

    select
        as_of_date,
        grade,
        open_amount,
        {{ ageing_bucket('days_overdue') }} as ageing_bucket
    from graded

),

totals as (

    select
        as_of_date,
        grade,
        ageing_bucket,
        cast(sum(open_amount) as numeric(18, 2)) as open_amount
    from aged
    group by as_of_date, grade, ageing_bucket

)

select * from totals

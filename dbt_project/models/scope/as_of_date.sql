-- The dates that a build covers: the past month-ends, and its last day.
{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

dates as (

    select
        as_of_date,
        policy_version,
        new_customer_months,
        pursued_from,
        pursued_share_of_bill,
        late_share_of_bill,
        dispute_counts_in_rating,
        month_start,
        year_before,
        previous_month_end,
        is_latest
    from {{ ref('evaluation_date') }}
    where is_covered

)

select * from dates

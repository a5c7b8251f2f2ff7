-- Of what could have been collected in a month, the share that was: (opening + billed - closing) / (opening + billed -
-- closing not overdue).
{{ config(materialized='view', keys_of='touched_date') }}

with

dates as (

    select * from {{ ref('as_of_date') }}

),

months as (

    select * from {{ ref('receivable_month') }}

),

compared as (

    select
        months.*,
        months_before.receivable_amount as opening_receivable
    from months
    inner join dates
        on months.as_of_date = dates.as_of_date
    left join months as months_before
        on
            dates.previous_month_end = months_before.as_of_date
            and months.region = months_before.region
            and months.org_unit = months_before.org_unit
            and months.segment = months_before.segment

),

effectiveness as (

    select
        as_of_date,
        region,
        org_unit,
        segment,
        opening_receivable,
        case
            when opening_receivable + billed_amount - (receivable_amount - overdue_amount) > 0
                then {{ rounded_ratio(
                    '100 * (opening_receivable + billed_amount - receivable_amount)',
                    'opening_receivable + billed_amount - (receivable_amount - overdue_amount)',
                    2
                ) }}
        end as cei
    from compared

)

select * from effectiveness

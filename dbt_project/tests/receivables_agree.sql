-- What is open by age must be what is receivable, to the cent, on every date.
with

by_age as (

    select
        as_of_date,
        sum(open_amount) as amount
    from {{ ref('receivable_ageing') }}
    group by as_of_date

),

by_month as (

    select
        as_of_date,
        sum(receivable_amount) as amount
    from {{ ref('receivable_month') }}
    group by as_of_date

)

select
    coalesce(by_month.as_of_date, by_age.as_of_date) as as_of_date,
    by_month.amount as receivable_amount,
    by_age.amount as aged_amount
from by_month
full outer join by_age
    on by_month.as_of_date = by_age.as_of_date
where coalesce(by_month.amount, 0) <> coalesce(by_age.amount, 0)

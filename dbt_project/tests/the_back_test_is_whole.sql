-- What is followed to its default must be what was open and young on the month-end, to the cent.
with

followed as (

    select
        opened_on,
        sum(open_amount) as amount
    from {{ ref('defaulted_of_open') }}
    group by opened_on

),

young as (

    select
        as_of_date,
        sum(open_amount) as amount
    from {{ ref('net_debt') }}
    where age <= {{ default_days() }}
    group by as_of_date

)

select
    followed.opened_on,
    followed.amount as followed_amount,
    young.amount as young_amount
from followed
left join young
    on followed.opened_on = young.as_of_date
where
    young.amount is null
    or followed.amount <> young.amount

-- The same features and scores, as one would write them by hand for one answer: no increments, no lineage, no gates.
-- Runs in Postgres and in DuckDB. Cash that names no bill is left out, as is a bounced payment's second settlement.
create table paid as
select
    payments.bill_id,
    payments.paid_on,
    sum(case when reverses_payment_id is null then payments.amount else -abs(payments.amount) end) as amount,
    sum(case
        when payments.paid_on > bills.due_on then 0
        when reverses_payment_id is null then payments.amount
        else -abs(payments.amount)
    end) as in_time
from payment as payments
inner join bill as bills on payments.bill_id = bills.bill_id
group by payments.bill_id, payments.paid_on;

create table state as
select
    bills.bill_id,
    bills.customer_id,
    bills.amount,
    bills.issued_on,
    bills.due_on,
    moves.moved_on as valid_from,
    coalesce(
        lead(moves.moved_on) over (partition by moves.bill_id order by moves.moved_on), cast('9999-12-31' as date)
    ) as valid_to,
    sum(moves.amount) over (partition by moves.bill_id order by moves.moved_on) as paid,
    sum(moves.in_time) over (partition by moves.bill_id order by moves.moved_on) as in_time
from (
    select bill_id, moved_on, sum(amount) as amount, sum(in_time) as in_time
    from (
        select bill_id, issued_on as moved_on, cast(0 as numeric(18, 2)) as amount, cast(0 as numeric(18, 2)) as in_time
        from bill
        union all
        select bill_id, paid_on, amount, in_time from paid
    ) as events
    group by bill_id, moved_on
) as moves
inner join bill as bills on moves.bill_id = bills.bill_id;

create table behaviour as
select
    days.as_of_date,
    states.customer_id,
    sum(case when states.due_on > days.year_before and states.due_on <= days.as_of_date then least(in_time, amount) end)
    / nullif(sum(case when states.due_on > days.year_before and states.due_on <= days.as_of_date then amount end), 0)
        as on_time_rate,
    sum(case
        when states.due_on > days.year_before and states.due_on <= days.as_of_date
            then amount * greatest((case when paid >= amount then valid_from else days.as_of_date end) - due_on, 0)
    end)
    / nullif(sum(case when states.due_on > days.year_before and states.due_on <= days.as_of_date then amount end), 0)
        as days_late,
    count(case
        when states.due_on > days.year_before and states.due_on <= days.as_of_date
            and (case when paid >= amount then valid_from else days.as_of_date end) - due_on > 30 then 1
    end) as over_30,
    sum(case when states.due_on < days.as_of_date then greatest(amount - paid, 0) else 0 end) as overdue,
    sum(greatest(amount - paid, 0)) as open_amount,
    sum(case when states.issued_on > days.year_before then amount end)
    / nullif(count(distinct case when states.issued_on > days.year_before then date_trunc('month', states.issued_on) end), 0)
        as mean_bill,
    max(case when paid < amount then greatest(days.as_of_date - due_on, 0) else 0 end) as max_days_overdue
from days
inner join state as states
    on states.issued_on <= days.as_of_date and states.valid_from <= days.as_of_date
    and states.valid_to > days.as_of_date
    and (states.paid < states.amount or states.due_on > days.year_before)
group by days.as_of_date, states.customer_id;

create table score as
select
    as_of_date,
    customer_id,
    case when on_time_rate < 0.6 then 0 when on_time_rate < 0.8 then 4 when on_time_rate < 0.9 then 8
        when on_time_rate < 0.95 then 11 when on_time_rate < 0.98 then 13 when on_time_rate is not null then 15 end
    + case when days_late < 1 then 8 when days_late < 3 then 7 when days_late < 7 then 5.5 when days_late < 15 then 4
        when days_late < 30 then 2 when days_late is not null then 0 end
    + case when over_30 < 1 then 8 when over_30 < 2 then 5 when over_30 < 3 then 3 when over_30 < 4 then 1 else 0 end
    + case when overdue / nullif(mean_bill, 0) < 0.05 then 10 when overdue / nullif(mean_bill, 0) < 0.5 then 8
        when overdue / nullif(mean_bill, 0) < 1 then 6 when overdue / nullif(mean_bill, 0) < 2 then 3
        when overdue / nullif(mean_bill, 0) < 3 then 1 else 0 end as points
from behaviour;

create table receivable as
select behaviour.as_of_date, customers.region, customers.segment, sum(open_amount) as open_amount, sum(overdue) as overdue
from behaviour
inner join customer as customers on behaviour.customer_id = customers.customer_id
group by behaviour.as_of_date, customers.region, customers.segment;

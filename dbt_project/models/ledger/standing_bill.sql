-- Delivered bills with the parts of their amount, except those that were cancelled as a whole.
-- No CTE: through a view that has one Postgres reads all rows, whatever is asked of it.
{{ config(materialized='view') }}

select
    bills.bill_id,
    bills.customer_id,
    bills.kind,
    bills.energy_charge,
    bills.demand_charge,
    bills.adjustment,
    bills.amount,
    bills.period,
    bills.issued_on,
    bills.due_on
from {{ ref('stg_bill') }} as bills
left join {{ ref('bill_balance') }} as cancelled_bills
    on
        bills.bill_id = cancelled_bills.bill_id
        and cancelled_bills.valid_to = {{ end_of_time() }}
        and cancelled_bills.credited_amount = cancelled_bills.amount
where
    not bills.is_deleted
    and bills.reverses_bill_id is null
    and cancelled_bills.bill_id is null

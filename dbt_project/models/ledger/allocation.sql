-- What unallocated credit pays of each bill, from one change of the account to the next: of the accounts that ever had
-- credit or a write-off. The bills of all others stand as their own facts say.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['bill_id', 'valid_from'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set compared_columns = [
    'credited_amount', 'contested_amount', 'named_paid', 'named_in_time',
    'allocated_amount', 'written_off_amount', 'recovered_amount', 'excess_amount'
] %}
with

steps as (

    select * from {{ ref('bill_step') }}
    where true {{ only_of(changed_customers()) }}

),

credit_steps as (

    select * from {{ ref('credit_step') }}
    where true {{ only_of(changed_customers()) }}

),

write_offs as (

    select * from {{ ref('write_off') }}
    where true {{ only_of(changed_customers()) }}

),

movements as (

    select * from {{ ref('movement') }}
    where true {{ only_of_accounts() }}

),

accounts_with_credit as (

    select customer_id from credit_steps

    union

    select customer_id from write_offs

    union

    select customer_id from steps
    where
        credited_beyond > 0
        or named_paid > amount - credited_amount

),

-- Allocation is computed for each day on which anything of an account changes.
change_days as (

    select
        steps.customer_id,
        steps.valid_from as changed_on
    from steps
    inner join accounts_with_credit
        on steps.customer_id = accounts_with_credit.customer_id

    union

    select
        customer_id,
        valid_from as changed_on
    from credit_steps

    union

    select
        customer_id,
        valid_from as changed_on
    from write_offs

),

lasting_write_offs as (

    select * from write_offs
    where valid_to > valid_from

),

written_off_bills as (

    select distinct bill_id from lasting_write_offs

),

-- A bill that is paid in full needs no credit and leaves none: after its first day it stands as before.
bills_by_day as (

    select
        change_days.changed_on,
        steps.bill_id,
        steps.customer_id,
        steps.amount,
        steps.period,
        steps.issued_on,
        steps.due_on,
        steps.credited_amount,
        steps.credited_beyond,
        steps.contested_amount,
        steps.named_paid,
        steps.named_in_time,
        lasting_write_offs.last_written_off_on,
        coalesce(lasting_write_offs.written_off_gross, 0) as written_off_gross,
        coalesce(lasting_write_offs.allocated_then, 0) as allocated_then
    from change_days
    inner join steps
        on
            change_days.customer_id = steps.customer_id
            and change_days.changed_on >= steps.valid_from
            and change_days.changed_on < steps.valid_to
    left join lasting_write_offs
        on
            steps.bill_id = lasting_write_offs.bill_id
            and change_days.changed_on >= lasting_write_offs.valid_from
            and change_days.changed_on < lasting_write_offs.valid_to
    left join written_off_bills
        on steps.bill_id = written_off_bills.bill_id
    where
        change_days.changed_on = steps.valid_from
        or steps.named_paid <> steps.amount - steps.credited_amount
        or steps.credited_beyond <> 0
        or written_off_bills.bill_id is not null

),

-- Of what was paid by name, what came by the last write-off.
paid_before_by_day as (

    select
        bills_by_day.bill_id,
        bills_by_day.changed_on,
        {{ net_received() }} as paid_before
    from bills_by_day
    inner join movements
        on
            bills_by_day.bill_id = movements.bill_id
            and movements.kind in ('payment', 'return')
            and bills_by_day.changed_on >= movements.moved_on
            and bills_by_day.last_written_off_on >= movements.counts_from
    group by
        bills_by_day.bill_id,
        bills_by_day.changed_on

),

positions as (

    select
        bills_by_day.*,
        case
            when bills_by_day.last_written_off_on is null then bills_by_day.named_paid
            else coalesce(paid_before_by_day.paid_before, 0)
        end as paid_before
    from bills_by_day
    left join paid_before_by_day
        on
            bills_by_day.bill_id = paid_before_by_day.bill_id
            and bills_by_day.changed_on = paid_before_by_day.changed_on

),

needs as (

    select
        positions.*,
        {{ written_off_part('positions') }} as least_written_off,
        {{ recovered_part('positions') }} as recovered_amount,
        {{ paid_by_name('positions') }} as paid_by_name,
        {{ excess_part('positions') }} as excess_amount,
        {{ standing_amount('positions') }} - {{ written_off_part('positions') }} - {{ paid_by_name('positions') }}
            as need
    from positions

),

-- What bills do not use of their payments and credit notes is the account's credit, besides what names no bill.
credited_needs as (

    select
        needs.*,
        coalesce(credit_steps.credit, 0)
        + sum(needs.excess_amount) over (partition by needs.customer_id, needs.changed_on) as credit
    from needs
    left join credit_steps
        on
            needs.customer_id = credit_steps.customer_id
            and needs.changed_on >= credit_steps.valid_from
            and needs.changed_on < credit_steps.valid_to

),

allocated as (

    select
        credited_needs.*,
        {{ allocated_part('credited_needs', ['customer_id', 'changed_on']) }} as allocated_amount
    from credited_needs

),

written_off as (

    select
        allocated.*,
        {{ written_off_now('allocated') }} as written_off_amount
    from allocated

),

-- A bill that stands as before on a day makes no row of its own.
compared as (

    select
        *,
        {%- for column in compared_columns %}
        {{ 'or ' if not loop.first }}coalesce(lag({{ column }}) over bill_days, -1) <> {{ column }}
        {%- endfor %}
            as is_changed
    from written_off
    window bill_days as (
        partition by bill_id
        order by changed_on
    )

),

changed as (

    select
        bill_id,
        customer_id,
        amount,
        period,
        issued_on,
        due_on,
        credited_amount,
        contested_amount,
        named_paid,
        named_in_time,
        {{ money('paid_by_name + recovered_amount + allocated_amount') }} as paid_amount,
        {{ money('allocated_amount') }} as allocated_amount,
        {{ money('written_off_amount') }} as written_off_amount,
        {{ money('recovered_amount') }} as recovered_amount,
        {{ money('need + least_written_off - written_off_amount - allocated_amount') }} as open_amount,
        {{ money('excess_amount') }} as excess_amount,
        changed_on as valid_from,
        coalesce(lead(changed_on) over (partition by bill_id order by changed_on), {{ end_of_time() }}) as valid_to
    from compared
    where is_changed

)

select * from changed

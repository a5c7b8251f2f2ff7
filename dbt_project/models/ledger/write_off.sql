-- What each write-off took out of each bill: at most what was open of it at the end of that day, after all else of the
-- day and the write-offs before it. So an account's write-offs are computed one after the other.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['action_id', 'bill_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set before %}
actions as (

    select * from {{ ref('stg_collection_action') }}
    where
        not is_deleted
        and kind = 'write_off'
        and (amount is null or amount > 0)

),

bills as (

    {{ root_bills() }}

),

steps as (

    select * from {{ ref('bill_step') }}

),

credit_steps as (

    select * from {{ ref('credit_step') }}

),

movements as (

    select * from {{ ref('movement') }}
    where
        bill_id is not null
        and kind in ('payment', 'return')

),

-- One of a bill is of the bill's account, and not before the bill; one of no bill is of what its customer has overdue.
placed as (

    select
        actions.action_id,
        actions.bill_id as named_bill_id,
        coalesce(bills.customer_id, actions.customer_id) as account_id,
        actions.amount as action_amount,
        greatest(actions.acted_on, bills.issued_on) as written_off_on
    from actions
    left join bills
        on actions.bill_id = bills.bill_id
    where
        actions.bill_id is null
        or bills.bill_id is not null

),

write_offs as (

    select
        *,
        row_number() over (
            partition by account_id
            order by written_off_on, action_id
        ) as place
    from placed
    where true {{ only_of_accounts() }}

),

-- Each bill of the account as it stood on the day of each write-off; later bills with nothing to write off.
bills_then as (

    select
        write_offs.account_id as customer_id,
        write_offs.place,
        write_offs.action_id,
        write_offs.named_bill_id,
        write_offs.action_amount,
        write_offs.written_off_on,
        bills.bill_id,
        bills.issued_on,
        bills.due_on,
        coalesce(steps.amount, 0) as amount,
        coalesce(steps.credited_amount, 0) as credited_amount,
        coalesce(steps.credited_beyond, 0) as credited_beyond,
        coalesce(steps.contested_amount, 0) as contested_amount,
        coalesce(steps.named_paid, 0) as named_paid,
        coalesce(credit_steps.credit, 0) as credit
    from write_offs
    inner join bills
        on write_offs.account_id = bills.customer_id
    left join steps
        on
            bills.bill_id = steps.bill_id
            and write_offs.written_off_on >= steps.valid_from
            and write_offs.written_off_on < steps.valid_to
    left join credit_steps
        on
            write_offs.account_id = credit_steps.customer_id
            and write_offs.written_off_on >= credit_steps.valid_from
            and write_offs.written_off_on < credit_steps.valid_to

),

-- What stands, at each write-off, of the payments that came by each earlier one; at place 0 of all of them.
paid_before_then as (

    select
        bills_then.customer_id,
        bills_then.place,
        bills_then.bill_id,
        0 as last_place,
        bills_then.named_paid as paid_before
    from bills_then

    union all

    select
        bills_then.customer_id,
        bills_then.place,
        bills_then.bill_id,
        earlier.place as last_place,
        coalesce({{ net_received() }}, 0) as paid_before
    from bills_then
    inner join write_offs as earlier
        on
            bills_then.customer_id = earlier.account_id
            and bills_then.place > earlier.place
    left join movements
        on
            bills_then.bill_id = movements.bill_id
            and bills_then.written_off_on >= movements.moved_on
            and earlier.written_off_on >= movements.counts_from
    group by
        bills_then.customer_id,
        bills_then.place,
        bills_then.bill_id,
        earlier.place

)
{%- endset %}

{%- set first %}
    select
        bills_then.customer_id,
        cast(0 as bigint) as place,
        bills_then.bill_id,
        cast(null as {{ dbt.type_string() }}) as action_id,
        cast(null as date) as written_off_on,
        cast(0 as numeric(18, 2)) as amount,
        cast(0 as numeric(18, 2)) as written_off_gross,
        cast(0 as bigint) as last_place,
        cast(0 as numeric(18, 2)) as allocated_then
    from bills_then
    where bills_then.place = 1
{%- endset %}

{%- set step %}
    select
        takings.customer_id,
        takings.place,
        takings.bill_id,
        takings.action_id,
        takings.written_off_on,
        {{ money('takings.taken') }} as amount,
        {{ money('takings.written_off_gross + takings.taken') }} as written_off_gross,
        case when takings.taken > 0 then takings.place else takings.last_place end as last_place,
        {{ money('case when takings.taken > 0 then takings.allocated_amount else takings.allocated_then end') }}
            as allocated_then
    from (
        select
            opened.*,
            case
                when opened.named_bill_id = opened.bill_id
                    then least(coalesce(opened.action_amount, opened.open_amount), opened.open_amount)
                when opened.named_bill_id is not null then 0
                when opened.action_amount is null then opened.overdue_amount
                else least(
                    opened.overdue_amount,
                    greatest(
                        opened.action_amount + opened.overdue_amount - sum(opened.overdue_amount) over (
                            partition by opened.customer_id
                            order by opened.due_on, opened.issued_on, opened.bill_id
                            rows between unbounded preceding and current row
                        ),
                        0
                    )
                )
            end as taken
        from (
            select
                allocations.*,
                case
                    when allocations.due_on >= allocations.written_off_on then 0
                    else {{ undisputed_part('allocations.open_amount', 'allocations') }}
                end as overdue_amount
            from (
                select
                    claims.*,
                    claims.need + claims.least_written_off - {{ written_off_now('claims') }} - claims.allocated_amount
                        as open_amount
                from (
                    select
                        needs.*,
                        {{ allocated_part('needs', ['customer_id']) }} as allocated_amount
                    from (
                        select
                            positions.*,
                            {{ written_off_part('positions') }} as least_written_off,
                            {{ standing_amount('positions') }}
                            - {{ written_off_part('positions') }}
                            - {{ paid_by_name('positions') }}
                                as need,
                            positions.account_credit
                            + sum({{ excess_part('positions') }}) over (partition by positions.customer_id)
                                as credit
                        from (
                            select
                                bills_then.customer_id,
                                bills_then.place,
                                bills_then.action_id,
                                bills_then.named_bill_id,
                                bills_then.action_amount,
                                bills_then.written_off_on,
                                bills_then.bill_id,
                                bills_then.issued_on,
                                bills_then.due_on,
                                bills_then.amount,
                                bills_then.credited_amount,
                                bills_then.credited_beyond,
                                bills_then.contested_amount,
                                bills_then.named_paid,
                                bills_then.credit as account_credit,
                                written_off.written_off_gross,
                                written_off.last_place,
                                written_off.allocated_then,
                                paid_before_then.paid_before
                            from written_off
                            inner join bills_then
                                on
                                    written_off.bill_id = bills_then.bill_id
                                    and written_off.place + 1 = bills_then.place
                            inner join paid_before_then
                                on
                                    bills_then.bill_id = paid_before_then.bill_id
                                    and bills_then.place = paid_before_then.place
                                    and written_off.last_place = paid_before_then.last_place
                        ) as positions
                    ) as needs
                ) as claims
            ) as allocations
        ) as opened
    ) as takings
{%- endset %}

{{ one_after_the_other('written_off', before, ['bills_then', 'paid_before_then'], first, step) }},

-- From a bill's first write-off on, how much was written off by then.
effects as (

    select
        written_off.action_id,
        written_off.bill_id,
        written_off.customer_id,
        written_off.amount,
        written_off.written_off_gross,
        written_off.allocated_then,
        last_write_offs.written_off_on as last_written_off_on,
        written_off.written_off_on as valid_from,
        lead(written_off.written_off_on) over (
            partition by written_off.bill_id
            order by written_off.place
        ) as valid_to
    from written_off
    inner join write_offs as last_write_offs
        on
            written_off.customer_id = last_write_offs.account_id
            and written_off.last_place = last_write_offs.place
    where written_off.written_off_gross > 0

),

dated as (

    select
        action_id,
        bill_id,
        customer_id,
        amount,
        written_off_gross,
        allocated_then,
        last_written_off_on,
        valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from effects

)

select * from dated

{{
    config(
        materialized='incremental',
        key='bill_id',
        keys_of='bill',
        pre_hook="{{ note_changed_customers('bill', \"issued_on\") }}",
        indexes=[
            {'columns': ['bill_id'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['issued_on']},
            {'columns': ['due_on']},
            {'columns': ['reverses_bill_id']},
        ],
    )
}}

with

newest as (

    {{ newest_delivery('bill') }}

),

renamed as (

    select
        bill_id,
        customer_id,
        -- Where a supplier sends no kind, the sign says it.
        coalesce(kind, case when amount < 0 then 'reversal' else 'regular' end) as kind,
        reverses_bill_id,
        energy_charge,
        demand_charge,
        adjustment,
        amount,
        coalesce(disputed, false) as is_disputed,
        period,
        issued_on,
        -- What falls on a holiday is due on the next day that is none: for all that asks how late a bill is.
        {{ workday_from('due_on') }} as due_on,
        coalesce(_deleted, false) as is_deleted,
        _file_id,
        _line_no
    from newest

)

select * from renamed
{%- if not is_incremental() %}
-- A customer's rows lie together, for those who ask for one customer's.
order by customer_id
{%- endif %}

-- On which days what was written off, or came in for it, changed: a credit note may lower it, a payment recover it.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['bill_id', 'moved_on'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

with

write_offs as (

    select * from {{ ref('write_off') }}
    where true {{ only_of(changed_customers()) }}

),

balances as (

    select * from {{ ref('bill_balance') }}
    where bill_id in (select bill_id from write_offs) {{ only_of(changed_customers()) }}

),

compared as (

    select
        bill_id,
        customer_id,
        valid_from as moved_on,
        written_off_amount - coalesce(lag(written_off_amount) over (partition by bill_id order by valid_from), 0)
            as written_off,
        recovered_amount - coalesce(lag(recovered_amount) over (partition by bill_id order by valid_from), 0)
            as recovered
    from balances

),

changes as (

    select
        bill_id,
        customer_id,
        moved_on,
        {{ money('written_off') }} as written_off,
        {{ money('recovered') }} as recovered
    from compared
    where
        written_off <> 0
        or recovered <> 0

)

select * from changes

-- What each customer's contract said from a day on until before another, by the newest word on every day it was
-- changed.
{{
    config(
        materialized='incremental',
        key='customer_id',
        keys_of='customer',
        indexes=[{'columns': ['customer_id', 'valid_from'], 'unique': true}, {'columns': ['valid_from']}],
    )
}}

with

deliveries as (

    select
        *,
        cast(updated_at as date) as changed_on
    from {{ source('raw', 'customer') }}
    where
        _file_id in (select file_id from {{ source('lineage', 'run_files') }})
        {%- if is_incremental() %}
        and customer_id in (select customer_id from {{ changed_keys('customer') }})
        {%- endif %}
        and not coalesce(_deleted, false)

),

ranked as (

    select
        *,
        row_number() over (
            partition by customer_id, changed_on
            order by _file_id desc, _line_no desc
        ) as delivery_rank
    from deliveries

),

-- What is known first stands for the time before it too.
terms as (

    select
        customer_id,
        tariff_code,
        payment_mode,
        contract_capacity_kva,
        deposit_amount,
        case
            when row_number() over customer_changes = 1 then cast('0001-01-01' as date)
            else changed_on
        end as valid_from,
        coalesce(lead(changed_on) over customer_changes, cast('9999-12-31' as date)) as valid_to,
        _file_id,
        _line_no
    from ranked
    where delivery_rank = 1
    window customer_changes as (
        partition by customer_id
        order by changed_on
    )

)

select * from terms

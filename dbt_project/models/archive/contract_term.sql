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

{%- set day_after_guarantee = 'coalesce(cast(' ~ dbt.dateadd('day', 1, 'guarantee_ends_on') ~ ' as date), valid_to)' %}
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
        guarantee_amount,
        guarantee_ends_on,
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

),

-- A guarantee that ends cuts the time in two.
spans as (

    select
        *,
        guarantee_amount as standing_amount,
        valid_from as stands_from,
        least(valid_to, {{ day_after_guarantee }}) as stands_to
    from terms
    where coalesce(guarantee_ends_on >= valid_from, true)

    union all

    select
        *,
        cast(null as numeric(18, 2)) as standing_amount,
        greatest(valid_from, {{ day_after_guarantee }}) as stands_from,
        valid_to as stands_to
    from terms
    where guarantee_ends_on < {{ dbt.dateadd('day', -1, 'valid_to') }}

),

with_security as (

    select
        customer_id,
        tariff_code,
        payment_mode,
        contract_capacity_kva,
        deposit_amount,
        standing_amount as guarantee_amount,
        -- An amount below zero, which gate 1 reports, secures nothing.
        cast(
            case
                when deposit_amount is not null or standing_amount is not null
                    then greatest(coalesce(deposit_amount, 0), 0) + greatest(coalesce(standing_amount, 0), 0)
            end as numeric(18, 2)
        ) as security_amount,
        stands_from as valid_from,
        stands_to as valid_to,
        _file_id,
        _line_no
    from spans

)

select * from with_security

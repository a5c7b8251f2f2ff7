-- What was used at each price of a month within which a price changed: of an interval between two readings that the
-- change cuts, the days on each side count alike.
{{
    config(
        materialized='incremental',
        keys_of='bill_check_scope',
        indexes=[{'columns': ['customer_id', 'period', 'register', 'priced_from'], 'unique': true}],
    )
}}

with

scope as (

    select * from {{ ref('bill_check_scope') }}

),

policies as (

    select policies.*
    from {{ source('policy', 'policies') }} as policies
    inner join {{ ref('as_of_date') }} as dates
        on policies.policy_version = dates.policy_version
    where dates.is_latest

),

terms as (

    select * from {{ ref('contract_term') }}

),

tariffs as (

    {{ prices_until_replaced() }}

),

split_months as (

    select distinct
        tariff_code,
        cast({{ dbt.date_trunc('month', 'valid_from') }} as date) as period
    from tariffs
    where
        is_a_change
        and register in ('total', 'peak', 'flat', 'valley')
        and valid_from > {{ dbt.date_trunc('month', 'valid_from') }}

),

-- The first price of a month covers what was used before it too, the last what was used after it.
priced_spans as (

    select
        months.tariff_code,
        tariffs.register,
        months.period,
        tariffs.valid_from as priced_from,
        case
            when tariffs.valid_from <= months.period then cast('0001-01-01' as date)
            else cast({{ dbt.dateadd('day', -1, 'tariffs.valid_from') }} as date)
        end as day_before,
        case
            when tariffs.replaced_from < {{ dbt.dateadd('month', 1, 'months.period') }}
                then cast({{ dbt.dateadd('day', -1, 'tariffs.replaced_from') }} as date)
            else cast('9999-12-31' as date)
        end as last_day
    from split_months as months
    inner join tariffs
        on
            months.tariff_code = tariffs.tariff_code
            and tariffs.register in ('total', 'peak', 'flat', 'valley')
            and tariffs.valid_from < {{ dbt.dateadd('month', 1, 'months.period') }}
            and (tariffs.replaced_from is null or months.period < tariffs.replaced_from)

),

spans as (

    select
        scope.customer_id,
        priced_spans.register,
        priced_spans.period,
        priced_spans.priced_from,
        priced_spans.day_before,
        priced_spans.last_day,
        cast({{ dbt.dateadd('month', 'policies.reading_lag_months', 'priced_spans.period') }} as date) as usage_month
    from scope
    inner join terms
        on scope.customer_id = terms.customer_id
    inner join priced_spans
        on
            terms.tariff_code = priced_spans.tariff_code
            and priced_spans.period >= terms.valid_from
            and priced_spans.period < terms.valid_to
    cross join policies

),

-- None where no price changed within a month.
meters as (

    select * from {{ ref('stg_meter') }}
    where
        not is_deleted
        and customer_id in (select customer_id from spans)

),

readings as (

    {{ readings_of_meters() }}

),

{{ measured_readings() }},

cut as (

    select
        spans.customer_id,
        spans.period,
        spans.register,
        spans.priced_from,
        measured.amount,
        measured.days,
        {{ days_after(
            'greatest(measured.read_before_on, spans.day_before)',
            'least(measured.read_on, spans.last_day)',
        ) }} as days_at_price
    from spans
    inner join measured
        on
            spans.customer_id = measured.customer_id
            and spans.register = measured.register
            and spans.usage_month = measured.usage_month
    where measured.read_before_on is not null

),

split as (

    select
        customer_id,
        period,
        register,
        priced_from,
        cast(sum({{ rounded_ratio(product('amount', 'days_at_price'), 'days', 12) }}) as numeric(24, 9)) as energy_kwh,
        max(case when days_at_price between 1 and days - 1 then 1 else 0 end) = 1 as is_estimated
    from cut
    group by customer_id, period, register, priced_from

)

select * from split

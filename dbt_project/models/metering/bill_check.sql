-- Each bill computed again from the readings of its month and the prices of its customer's tariff, part by part.
{{
    config(
        materialized='incremental',
        keys_of='bill_check_scope',
        indexes=[{'columns': ['bill_id'], 'unique': true}, {'columns': ['customer_id']}, {'columns': ['outcome']}],
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

ledger as (

    select * from {{ ref('standing_bill') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

terms as (

    select * from {{ ref('contract_term') }}

),

usage as (

    select * from {{ ref('usage_month') }}

),

tariffs as (

    {{ prices_until_replaced() }}

),

split_use as (

    select * from {{ ref('split_use') }}

),

percentages as (

    select * from {{ ref('power_factor_percentage') }}

),

bills as (

    select
        ledger.bill_id,
        ledger.customer_id,
        ledger.issued_on,
        terms.tariff_code,
        terms.contract_capacity_kva,
        ledger.period,
        ledger.energy_charge,
        coalesce(ledger.demand_charge, 0) as demand_charge,
        coalesce(ledger.adjustment, 0) as adjustment,
        ledger.amount,
        policies.bill_tolerance,
        cast({{ dbt.dateadd('month', 'policies.reading_lag_months', 'ledger.period') }} as date) as usage_month
    from scope
    inner join ledger
        on scope.customer_id = ledger.customer_id
    inner join customers
        on ledger.customer_id = customers.customer_id
    inner join terms
        on
            ledger.customer_id = terms.customer_id
            and ledger.period >= terms.valid_from
            and ledger.period < terms.valid_to
    cross join policies
    where
        ledger.kind = 'regular'
        and ledger.energy_charge is not null

),

months as (

    select distinct
        period,
        cast({{ dbt.dateadd('month', 1, 'period') }} as date) as next_period
    from bills

),

-- The prices of a month, each with the days of the month in which it was in force.
prices_of_month as (

    select
        tariffs.*,
        tariffs.register in ('total', 'peak', 'flat', 'valley') as is_energy,
        months.period,
        {{ days_after('months.period', 'months.next_period') }} as days_of_month,
        {{ days_after(
            'greatest(tariffs.valid_from, months.period)',
            'least(coalesce(tariffs.replaced_from, months.next_period), months.next_period)',
        ) }} as days_in_force
    from tariffs
    inner join months
        on
            tariffs.valid_from < months.next_period
            and (tariffs.replaced_from is null or months.period < tariffs.replaced_from)

),

-- What a register costs in a month, on average by days; nothing is known of one that has no price on some day.
register_prices as (

    select
        tariff_code,
        register,
        period,
        {{ rounded_ratio('sum(demand_price * days_in_force)', 'max(days_of_month)', 15) }} as demand_price,
        {{ rounded_ratio('sum(capacity_price * days_in_force)', 'max(days_of_month)', 15) }} as capacity_price,
        max(case when valid_from <= period then power_factor_standard end) as power_factor_standard,
        case
            when sum(days_in_force) = max(days_of_month)
                then {{ rounded_ratio('sum(unit_price * days_in_force)', 'max(days_of_month)', 15) }}
        end as unit_price,
        is_energy,
        count(*) > 1 as is_split
    from prices_of_month
    group by tariff_code, register, period, is_energy

),

-- Its registers side by side.
tariff_months as (

    select
        tariff_code,
        period,
        max(case when register = 'total' then unit_price end) as total_price,
        max(case when register = 'peak' then unit_price end) as peak_price,
        max(case when register = 'flat' then unit_price end) as flat_price,
        max(case when register = 'valley' then unit_price end) as valley_price,
        max(demand_price) as demand_price,
        max(capacity_price) as capacity_price,
        max(power_factor_standard) as power_factor_standard,
        max(case when is_energy and unit_price is null then 1 else 0 end) = 1 as is_incomplete,
        max(case when is_energy and is_split then 1 else 0 end) = 1 as is_split
    from register_prices
    group by tariff_code, period

),

-- Of months within which a price changed, what was used at each price by that price.
split_charges as (

    select
        bills.bill_id,
        case when count(*) = count(split_use.energy_kwh) then sum(prices.unit_price * split_use.energy_kwh) end
            as energy_charge,
        max(case when split_use.is_estimated then 1 else 0 end) = 1 as is_estimated
    from bills
    inner join tariff_months
        on
            bills.tariff_code = tariff_months.tariff_code
            and bills.period = tariff_months.period
            and tariff_months.is_split
    inner join prices_of_month as prices
        on
            bills.tariff_code = prices.tariff_code
            and bills.period = prices.period
            and prices.is_energy
    left join split_use
        on
            bills.customer_id = split_use.customer_id
            and bills.period = split_use.period
            and prices.register = split_use.register
            and prices.valid_from = split_use.priced_from
    group by bills.bill_id

),

measured as (

    select
        bills.*,
        usage.energy_kwh,
        usage.peak_kwh,
        usage.flat_kwh,
        usage.valley_kwh,
        usage.reactive_kvarh,
        usage.max_demand_kw,
        usage.days_measured,
        tariff_months.total_price,
        tariff_months.peak_price,
        tariff_months.flat_price,
        tariff_months.valley_price,
        tariff_months.demand_price,
        tariff_months.capacity_price,
        tariff_months.power_factor_standard,
        tariff_months.is_split,
        split_charges.energy_charge as split_charge,
        {{ rounded(power_factor('usage.energy_kwh', 'usage.reactive_kvarh'), 2) }} as power_factor,
        coalesce(usage.estimated_readings > 0 or split_charges.is_estimated, false) as is_estimated,
        usage.energy_kwh is not null and not usage.has_gap and not tariff_months.is_incomplete as is_measured
    from bills
    left join usage
        on
            bills.customer_id = usage.customer_id
            and bills.usage_month = usage.usage_month
    left join tariff_months
        on
            bills.tariff_code = tariff_months.tariff_code
            and bills.period = tariff_months.period
    left join split_charges
        on bills.bill_id = split_charges.bill_id

),

-- What is priced and was not measured leaves a charge unknown.
priced as (

    select
        *,
        case
            when is_split then split_charge
            when coalesce(total_price, peak_price, flat_price, valley_price) is not null
                then
                    {{ charge('total_price', 'energy_kwh') }}
                    + {{ charge('peak_price', 'peak_kwh') }}
                    + {{ charge('flat_price', 'flat_kwh') }}
                    + {{ charge('valley_price', 'valley_kwh') }}
        end as priced_energy,
        {{ charge('demand_price', 'max_demand_kw') }} + {{ charge('capacity_price', 'contract_capacity_kva') }}
            as priced_demand
    from measured

),

computed as (

    select
        priced.*,
        round(priced.priced_energy, 2) as computed_energy_charge,
        round(priced.priced_demand, 2) as computed_demand_charge,
        case
            when priced.power_factor_standard is null then 0
            -- Without any use there is no power factor.
            when priced.energy_kwh = 0 and priced.reactive_kvarh = 0 then 0
            else percentages.adjustment_pct
        end as adjustment_pct
    from priced
    left join percentages
        on
            priced.power_factor_standard = percentages.power_factor_standard
            and priced.power_factor = percentages.power_factor

),

adjusted as (

    select
        *,
        round({{ product('(computed_energy_charge + computed_demand_charge)', 'adjustment_pct', '0.01') }}, 2)
            as computed_adjustment
    from computed

),

differences as (

    select
        *,
        energy_charge - computed_energy_charge as energy_difference,
        demand_charge - computed_demand_charge as demand_difference,
        adjustment - computed_adjustment as adjustment_difference,
        amount - computed_energy_charge - computed_demand_charge - computed_adjustment as difference
    from adjusted

),

checked as (

    select
        bill_id,
        customer_id,
        tariff_code,
        period,
        usage_month,
        issued_on,
        cast(energy_kwh as numeric(18, 3)) as energy_kwh,
        cast(peak_kwh as numeric(18, 3)) as peak_kwh,
        cast(max_demand_kw as numeric(18, 3)) as max_demand_kw,
        contract_capacity_kva,
        days_measured,
        cast(power_factor as numeric(4, 2)) as power_factor,
        power_factor_standard,
        cast(adjustment_pct as numeric(8, 4)) as adjustment_pct,
        cast(peak_price as numeric(18, 6)) as peak_price,
        cast(valley_price as numeric(18, 6)) as valley_price,
        cast(demand_price as numeric(18, 6)) as demand_price,
        cast(capacity_price as numeric(18, 6)) as capacity_price,
        amount,
        cast(computed_energy_charge as numeric(18, 2)) as computed_energy_charge,
        cast(computed_demand_charge as numeric(18, 2)) as computed_demand_charge,
        cast(computed_adjustment as numeric(18, 2)) as computed_adjustment,
        cast(energy_difference as numeric(18, 2)) as energy_difference,
        cast(demand_difference as numeric(18, 2)) as demand_difference,
        cast(adjustment_difference as numeric(18, 2)) as adjustment_difference,
        cast(difference as numeric(18, 2)) as difference,
        is_estimated,
        case
            when not is_measured or difference is null then 'not measured'
            when
                abs(difference) > bill_tolerance
                or abs(energy_difference) > bill_tolerance
                or abs(demand_difference) > bill_tolerance
                or abs(adjustment_difference) > bill_tolerance
                then 'differs'
            else 'agrees'
        end as outcome
    from differences

)

select * from checked

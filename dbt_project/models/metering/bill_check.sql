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

    select
        *,
        lead(valid_from) over (
            partition by tariff_code, register
            order by valid_from
        ) as replaced_from
    from {{ ref('stg_tariff') }}
    where not is_deleted

),

bills as (

    select
        ledger.bill_id,
        ledger.customer_id,
        terms.tariff_code,
        ledger.period,
        ledger.energy_charge,
        coalesce(ledger.demand_charge, 0) as demand_charge,
        coalesce(ledger.adjustment, 0) as adjustment,
        ledger.amount,
        policies.power_factor_surcharge,
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

measured as (

    select
        bills.*,
        usage.energy_kwh,
        usage.peak_kwh,
        usage.flat_kwh,
        usage.valley_kwh,
        usage.reactive_kvarh,
        usage.max_demand_kw,
        coalesce(usage.estimated_readings > 0, false) as is_estimated,
        usage.energy_kwh is not null and not usage.has_gap as is_measured
    from bills
    left join usage
        on
            bills.customer_id = usage.customer_id
            and bills.usage_month = usage.usage_month

),

priced as (

    select
        measured.bill_id,
        round(
            sum(
                tariffs.unit_price
                * case tariffs.register
                    when 'total' then measured.energy_kwh
                    when 'peak' then measured.peak_kwh
                    when 'flat' then measured.flat_kwh
                    when 'valley' then measured.valley_kwh
                end
            ),
            2
        ) as energy_charge,
        round(coalesce(max(tariffs.demand_price) * max(measured.max_demand_kw), 0), 2) as demand_charge,
        max(tariffs.power_factor_standard) as power_factor_standard
    from measured
    inner join tariffs
        on
            measured.tariff_code = tariffs.tariff_code
            and measured.period >= tariffs.valid_from
            and (tariffs.replaced_from is null or measured.period < tariffs.replaced_from)
    group by measured.bill_id

),

computed as (

    select
        measured.*,
        priced.energy_charge as computed_energy_charge,
        priced.demand_charge as computed_demand_charge,
        {#- Each hundredth that is begun counts. #}
        round(
            (priced.energy_charge + priced.demand_charge)
            * measured.power_factor_surcharge
            * coalesce(
                greatest(
                    ceil(
                        100 * (
                            priced.power_factor_standard
                            - {{ power_factor('measured.energy_kwh', 'measured.reactive_kvarh') }}
                        )
                    ),
                    0
                ),
                0
            ),
            2
        ) as computed_adjustment
    from measured
    left join priced
        on measured.bill_id = priced.bill_id

),

differences as (

    select
        *,
        energy_charge - computed_energy_charge as energy_difference,
        demand_charge - computed_demand_charge as demand_difference,
        adjustment - computed_adjustment as adjustment_difference,
        amount - computed_energy_charge - computed_demand_charge - computed_adjustment as difference
    from computed

),

checked as (

    select
        bill_id,
        customer_id,
        tariff_code,
        period,
        cast(energy_kwh as numeric(18, 3)) as energy_kwh,
        cast(max_demand_kw as numeric(18, 3)) as max_demand_kw,
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

-- What each hundredth of a power factor adds to a month's charges, or takes off them, by the standard of the tariff.
{{ config(indexes=[{'columns': ['power_factor_standard', 'power_factor'], 'unique': true}]) }}

with

policies as (

    select policies.*
    from {{ source('policy', 'policies') }} as policies
    inner join {{ ref('as_of_date') }} as dates
        on policies.policy_version = dates.policy_version
    where dates.is_latest

),

adjustments as (

    select
        adjustments.power_factor_standard,
        adjustments.power_factor,
        adjustments.adjustment_pct,
        lead(adjustments.power_factor) over of_standard as next_factor,
        lead(adjustments.adjustment_pct) over of_standard as next_pct
    from {{ source('policy', 'power_factor_adjustments') }} as adjustments
    inner join policies
        on adjustments.policy_version = policies.policy_version
    window of_standard as (
        partition by adjustments.power_factor_standard
        order by adjustments.power_factor
    )

),

tariffs as (

    select * from {{ ref('stg_tariff') }}
    where not is_deleted

),

hundredths as (
    {% for hundredth in range(101) %}
    select cast({{ hundredth }} / 100.0 as numeric(4, 2)) as power_factor
    {{- ' union all' if not loop.last }}
    {%- endfor %}

),

-- Even between two rows of the policy.
by_table as (

    select
        adjustments.power_factor_standard,
        hundredths.power_factor,
        case
            when hundredths.power_factor = adjustments.power_factor then adjustments.adjustment_pct
            else
                adjustments.adjustment_pct
                + {{ rounded_ratio(
                    product(
                        '(adjustments.next_pct - adjustments.adjustment_pct)',
                        '(hundredths.power_factor - adjustments.power_factor)'
                    ),
                    'adjustments.next_factor - adjustments.power_factor',
                    12
                ) }}
        end as adjustment_pct
    from adjustments
    inner join hundredths
        on
            adjustments.power_factor <= hundredths.power_factor
            and (adjustments.next_factor is null or adjustments.next_factor > hundredths.power_factor)

),

standards as (

    select distinct power_factor_standard
    from tariffs
    where power_factor_standard is not null

),

-- A policy without a table says one share for each hundredth below the standard.
by_share as (

    select
        standards.power_factor_standard,
        hundredths.power_factor,
        100 * policies.power_factor_surcharge
        * greatest(100 * (standards.power_factor_standard - hundredths.power_factor), 0) as adjustment_pct
    from standards
    cross join hundredths
    cross join policies
    where not exists (select 1 from adjustments)

),

percentages as (

    select * from by_table

    union all

    select * from by_share

),

typed as (

    select
        cast(power_factor_standard as numeric(18, 4)) as power_factor_standard,
        power_factor,
        cast(adjustment_pct as numeric(8, 4)) as adjustment_pct
    from percentages

)

select * from typed

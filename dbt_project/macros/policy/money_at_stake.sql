{% macro money_at_stake(rule) -%}
    {#-
        By how much a bill, computed again under an advice, is lower, in currency; null where the tariff does not charge what
        the advice changes. Empty for an advice that changes nothing that bills charge.
    -#}
    {%- set threshold = rule.threshold -%}
    {#- The adjustment for the power factor is a share of all charges. -#}
    {%- set adjusted = '(1 + ' ~ product('bills.adjustment_pct', '0.01') ~ ')' -%}
    {%- set values = {
        'low_load_factor':
            product(
                'bills.demand_price',
                adjusted,
                'greatest(bills.max_demand_kw - ' ~ ratio('bills.energy_kwh', '24 * bills.days_measured * ' ~ threshold) ~ ', 0)'
            ),
        'high_peak_share':
            product(
                '(bills.peak_price - bills.valley_price)',
                adjusted,
                'greatest(bills.peak_kwh - ' ~ product(threshold, 'bills.energy_kwh') ~ ', 0)'
            ),
        'low_power_factor':
            product(
                '(bills.computed_energy_charge + bills.computed_demand_charge)',
                '(bills.adjustment_pct - ' ~ percentage_at(threshold) ~ ')',
                '0.01'
            ),
        'capacity_too_large':
            'case when bills.max_demand_kva is not null then '
            ~ product(
                'bills.capacity_price',
                adjusted,
                'greatest(bills.contract_capacity_kva - ' ~ ratio('bills.max_demand_kva * 100', threshold) ~ ', 0)'
            )
            ~ ' end',
    } -%}
    {{ return(values.get(rule.advice, '')) }}
{%- endmacro %}

{% macro percentage_at(threshold) -%}
    {#- What the power factor of `bills` adds once it is a rule's threshold; as it is where it is better. -#}
    (
        select percentages.adjustment_pct
        from percentages
        where
            percentages.power_factor_standard = bills.power_factor_standard
            and percentages.power_factor = greatest(bills.power_factor, cast({{ threshold }} as numeric(4, 2)))
    )
{%- endmacro %}

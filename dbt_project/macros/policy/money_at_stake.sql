{% macro money_at_stake(rule) -%}
    {#-
        What a year's following of an advice is worth, in currency; null where no price tells. Use beyond the rule's
        threshold is what could be saved: kW at the tariff's demand price, kWh moved from peak to valley, surcharges paid.
    -#}
    {%- set share = '(' ~ rule.threshold ~ ' / 100.0)' -%}
    {%- set mean_load = 'use.energy_kwh_12m / nullif(24 * use.days_measured_12m, 0)' -%}
    {%- set values = {
        'low_load_factor': '12 * prices.demand_price * (use.max_demand_kw_12m - ' ~ mean_load ~ ' / ' ~ rule.threshold ~ ')',
        'high_peak_share':
            '(use.peak_kwh_12m - ' ~ rule.threshold ~ ' * use.energy_kwh_12m) * (prices.peak_price - prices.valley_price)',
        'low_power_factor': 'surcharges.surcharge_12m',
        'capacity_too_large':
            '12 * prices.demand_price * (terms.contract_capacity_kva - use.load_kw_3m / ' ~ share ~ ')',
        'capacity_exceeded': '12 * prices.demand_price * (use.load_kw_3m - terms.contract_capacity_kva * ' ~ share ~ ')',
    } -%}
    {{ values.get(rule.advice, 'cast(null as numeric)') }}
{%- endmacro %}

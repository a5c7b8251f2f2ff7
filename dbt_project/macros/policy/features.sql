{% macro features() -%}
    {#- The features that policies may speak of: columns of features.customer_feature. -#}
    {{ return([
        'on_time_rate_12m', 'avg_days_late_12m', 'times_over_30d_12m', 'overdue_months', 'bounced_12m',
        'max_days_overdue', 'theft_or_breach_36m', 'open_theft_cases', 'external_risk', 'insolvency_listings',
        'dishonest_debtor_listings', 'investigated_standing', 'tenure', 'service_change', 'party_change', 'security',
        'usage_trend', 'capacity_use', 'evasion_signal', 'bill_size',
    ]) }}
{%- endmacro %}

{% macro each_feature(relation) -%}
    {#- Joins a relation's features to it one by one, as `one.feature` and `one.feature_value`. -#}
    cross join lateral (
        {%- for feature in features() %}
        select
            '{{ feature }}' as feature,
            cast({{ relation }}.{{ feature }} as numeric) as feature_value
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as one
{%- endmacro %}

{% macro features() -%}
    {#- The features that policies may speak of: columns of features.payment_behaviour. -#}
    {{ return([
        'on_time_rate_12m', 'avg_days_late_12m', 'times_over_30d_12m', 'overdue_months', 'bounced_12m',
        'max_days_overdue',
    ]) }}
{%- endmacro %}

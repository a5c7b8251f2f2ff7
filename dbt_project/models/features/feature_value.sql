{%- set features = [
    'on_time_rate_12m', 'avg_days_late_12m', 'times_over_30d_12m', 'overdue_months', 'bounced_12m',
    'max_days_overdue', 'days_to_next_due',
] %}
with

behaviour as (

    select * from {{ ref('payment_behaviour') }}

),

feature_values as (

    {%- for feature in features %}
    select
        as_of_date,
        customer_id,
        '{{ feature }}' as feature,
        cast({{ feature }} as numeric) as feature_value
    from behaviour
    where {{ feature }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select * from feature_values

{#- Which records stand behind a feature that a warning rule uses: each macro gives a condition on the feature's name. -#}

{% macro evidenced_by_bills(feature, due_on, as_of_date) -%}
    (
        {{ feature }} in ('open_amount', 'exposure', 'utilisation', 'headroom', 'open_months', 'disputed_share')
        or ({{ feature }} in ('max_days_overdue', 'overdue_months', 'overdue_bills', 'overdue_share') and {{ due_on }} < {{ as_of_date }})
        or ({{ feature }} = 'days_to_next_due' and {{ due_on }} >= {{ as_of_date }})
    )
{%- endmacro %}

{% macro evidenced_by_events(feature, events, as_of_date) -%}
    {%- set kind = events ~ '.kind' -%}
    {%- set stands = '(' ~ events ~ '.ended_on is null or ' ~ events ~ '.ended_on > ' ~ as_of_date ~ ')' -%}
    {%- set age = months_after(events ~ '.happened_on', as_of_date) -%}
    case {{ feature }}
        when 'theft_or_breach_36m' then {{ kind }} in ('theft', 'breach') and {{ age }} < 36
        {%- for name, definition in event_features().items() %}
        when '{{ name }}' then {{ counts_event(definition, events, as_of_date) }}
        {%- endfor %}
        when 'external_risk' then {{ events }}.extract = 'external_risk' and {{ stands }}
        when 'months_since_review' then {{ events }}.extract = 'investigation' and {{ stands }}
        when 'investigated_standing' then {{ events }}.extract = 'investigation' and {{ stands }}
        else false
    end
{%- endmacro %}

{% macro evidenced_by_usage(feature) -%}
    {{ feature }} in (
        'usage_trend', 'usage_against_segment', 'usage_growth_12m', 'capacity_use', 'load_factor_12m', 'peak_share_12m',
        'power_factor_12m', 'evasion_signal', 'tamper_events_6m', 'estimated_months_12m', 'gap_months_12m'
    )
{%- endmacro %}

{% macro evidenced_by_attributes(feature, name) -%}
    case {{ feature }}
        {%- for one, definition in attribute_features().items() %}
        when '{{ one }}' then {{ name }} = '{{ definition.attribute }}'
        {%- endfor %}
        else false
    end
{%- endmacro %}

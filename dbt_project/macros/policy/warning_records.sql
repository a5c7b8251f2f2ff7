{#- Which records stand behind a feature that a warning rule speaks of: each macro gives a condition on the feature's name. -#}

{% macro told_by_bills(feature, due_on, as_of_date) -%}
    (
        {{ feature }} in ('open_amount', 'exposure', 'utilisation')
        or ({{ feature }} in ('max_days_overdue', 'overdue_months', 'overdue_bills') and {{ due_on }} < {{ as_of_date }})
        or ({{ feature }} = 'days_to_next_due' and {{ due_on }} >= {{ as_of_date }})
    )
{%- endmacro %}

{% macro told_by_events(feature, events, as_of_date) -%}
    {%- set kind = events ~ '.kind' -%}
    {%- set stands = '(' ~ events ~ '.ended_on is null or ' ~ events ~ '.ended_on > ' ~ as_of_date ~ ')' -%}
    {%- set age = months_after(events ~ '.happened_on', as_of_date) -%}
    case {{ feature }}
        when 'theft_or_breach_36m' then {{ kind }} in ('theft', 'breach') and {{ age }} < 36
        when 'theft_24m' then {{ kind }} = 'theft' and {{ age }} < 24
        when 'breach_12m' then {{ kind }} = 'breach' and {{ age }} < 12
        when 'open_theft_cases' then {{ kind }} = 'theft' and {{ stands }}
        when 'safety_findings_12m' then {{ kind }} = 'safety' and {{ stands }} and {{ age }} < 12
        when 'external_risk' then {{ events }}.extract = 'external_risk' and {{ stands }}
        when 'insolvency_listings' then {{ kind }} in ('bankruptcy', 'licence_revoked') and {{ stands }}
        when 'dishonest_debtor_listings' then {{ kind }} = 'dishonest_debtor' and {{ stands }}
        when 'court_listings' then {{ kind }} = 'court_enforcement' and {{ stands }}
        when 'regulatory_listings' then {{ kind }} in ('tax_arrears', 'operating_abnormality') and {{ stands }}
        when 'service_change' then {{ events }}.extract = 'service_order' and {{ age }} < 6
        when 'closing_orders_6m' then {{ kind }} = 'close' and {{ age }} < 6
        when 'party_change' then {{ kind }} in ('legal_representative', 'shareholder') and {{ age }} < 6
        when 'broken_promises_12m' then {{ kind }} = 'broken_promise' and {{ age }} < 12
        when 'months_since_review' then {{ events }}.extract = 'investigation' and {{ stands }}
        when 'investigated_standing' then {{ events }}.extract = 'investigation' and {{ stands }}
        else false
    end
{%- endmacro %}

{% macro told_by_usage(feature) -%}
    {{ feature }} in (
        'usage_trend', 'usage_against_segment', 'usage_growth_12m', 'capacity_use', 'load_factor_12m', 'peak_share_12m',
        'power_factor_12m', 'evasion_signal', 'tamper_events_6m', 'estimated_months_12m', 'gap_months_12m'
    )
{%- endmacro %}

{#- Features of the bills that fell due in a window, written from the definitions in dbt_project.yml. -#}

{% macro payment_windows() -%}
    {#- The months of the windows that features cover. -#}
    {{ return(measured_features().values() | selectattr('months', 'defined') | map(attribute='months') | unique | sort) }}
{%- endmacro %}

{% macro window_start(months) -%}
    {#- The scope's column that says after which day a window of so many months begins. -#}
    {{ return('year_before' if months == 12 else 'start_of_' ~ months ~ 'm') }}
{%- endmacro %}

{% macro payment_measure(definition) -%}
    {#- One feature as an aggregate over `bills`: of a window, or of a year's bills, each weighing less the older it is. -#}
    {%- set measure = var('payment_measures')[definition.measure] -%}
    {%- set is_due = 'is_due_in_' ~ definition.months ~ 'm' if definition.months else 'is_due_in_12m' -%}
    {%- if measure.of -%}
    {%- set of = product('recency', measure.of) if definition.recent else measure.of -%}
    {%- set by = product('recency', measure.by) if definition.recent else measure.by -%}
    cast(
            {{ rounded_ratio(
                'sum(case when ' ~ is_due ~ ' then ' ~ of ~ ' end)', 'sum(case when ' ~ is_due ~ ' then ' ~ by ~ ' end)', measure.scale
            ) }} as numeric(18, {{ measure.scale }})
        )
    {%- elif measure.share -%}
    cast(
            {{ rounded_ratio(
                'cast(count(case when ' ~ is_due ~ ' and ' ~ measure.share ~ ' then 1 end) as numeric(18, ' ~ measure.scale ~ '))',
                'count(case when ' ~ is_due ~ ' then 1 end)',
                measure.scale
            ) }} as numeric(18, {{ measure.scale }})
        )
    {%- elif measure.count -%}
    case
            when count(case when {{ is_due }} then 1 end) > 0
                then count(case when {{ is_due }} and {{ measure.count }} then 1 end)
        end
    {%- elif measure.max -%}
    max(case when {{ is_due }} then {{ measure.max }} end)
    {%- else -%}
    {{ exceptions.raise_compiler_error('payment measure ' ~ definition.measure ~ ' needs one of of, share, count, max') }}
    {%- endif -%}
{%- endmacro %}

{% macro measured_features() -%}
    {#- The features that are payment measures, by name. -#}
    {%- set found = {} -%}
    {%- for name, definition in var('features').items() if definition.measure -%}
        {%- do found.update({name: definition}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro recency(months) -%}
    {#- What a bill weighs that fell due so many calendar months ago: half after each half-life of the policy. -#}
    {%- set versions = {} -%}
    {%- for row in policy_table('policies', 'effective_from') -%}
        {%- set cases = [] -%}
        {%- for age in range(13) -%}
            {%- do cases.append('when ' ~ age ~ ' then ' ~ '%.6f' | format(0.5 ** (age / row.half_life_months))) -%}
        {%- endfor -%}
        {%- do versions.update({row.policy_version: '(case ' ~ months ~ ' ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) if versions else '1' }}
{%- endmacro %}

{% macro warning_thresholds(feature) -%}
    {#- The whole numbers that the policy's warning rules compare a feature with, of all its versions. -#}
    {%- set found = [] -%}
    {%- for one in policy_table('warning_conditions', 'rule, feature') if one.feature == feature -%}
        {%- do found.append(one.threshold | int) -%}
    {%- endfor -%}
    {{ return(found | unique | sort) }}
{%- endmacro %}

{% macro watched_grade_rank() -%}
    {#- The best place on the scale of which a warning rule speaks; 0, everybody's, where none does. -#}
    {{ return((warning_thresholds('grade_rank') or [0]) | first) }}
{%- endmacro %}

{% macro warned_days_before_due() -%}
    {#- How many days before a bill falls due a warning rule may speak of it, at most; 0 where none does. -#}
    {%- set days = [0] -%}
    {%- for one in policy_table('warning_conditions', 'rule, feature') if one.feature == 'days_to_next_due' -%}
        {#- A rule of more days than so many speaks of any bill. -#}
        {%- do days.append(one.threshold | int if one.comparator in ('<', '<=', '=') else 9999) -%}
    {%- endfor -%}
    {{ return(days | max) }}
{%- endmacro %}

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

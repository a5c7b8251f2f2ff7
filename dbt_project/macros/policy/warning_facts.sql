{% macro warning_facts() -%}
    {#- What warning rules may use besides the features, as plugins/gridcredit/policies/checks.py knows it too. -#}
    {{ return(['days_to_next_due', 'open_amount', 'exposure', 'utilisation', 'headroom', 'grade_rank', 'grade_steps_down']) }}
{%- endmacro %}

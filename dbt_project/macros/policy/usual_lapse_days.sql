{% macro usual_lapse_days(step) -%}
    {#- After how many days a step lapses where the policy does not say: what only asks or announces does, what was done does not. -#}
    case when {{ step }} in ('sms', 'call', 'notice', 'final_notice') then 90 end
{%- endmacro %}

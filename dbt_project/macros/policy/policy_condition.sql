{% macro policy_condition(value, comparator, threshold) -%}
    {#- True where a feature meets a policy's condition; a feature that is not available never does. -#}
    case {{ comparator }}
        when '>' then {{ value }} > {{ threshold }}
        when '>=' then {{ value }} >= {{ threshold }}
        when '<' then {{ value }} < {{ threshold }}
        when '<=' then {{ value }} <= {{ threshold }}
        when '=' then {{ value }} = {{ threshold }}
    end
{%- endmacro %}

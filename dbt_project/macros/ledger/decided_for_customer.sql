{% macro decided_for_customer(outcome) -%}
    {#- Whether a dispute was decided for the customer, in all or in part: a credit note follows. -#}
    coalesce({{ outcome }}, '') in ('for_customer', 'partly_for_customer')
{%- endmacro %}

{% macro pursued_from(policy, mean_bill) -%}
    {#- What a customer's debts must come to before they are pursued: the policy's amount, or its share of his mean bill where that is more. -#}
    greatest(
        {{ policy }}.pursued_from,
        coalesce({{ rounded(policy ~ '.pursued_share_of_bill * ' ~ mean_bill, 2) }}, 0)
    )
{%- endmacro %}

{% macro only_of_accounts() -%}
    {#- Narrows rows to the accounts that an incremental build computes. -#}
    {%- if changed_customers() -%}
    and account_id in (select customer_id from {{ changed_customers() }})
    {%- endif -%}
{%- endmacro %}

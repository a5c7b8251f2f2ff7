{% macro only_of_accounts(customers=none) -%}
    {#- Narrows rows to the accounts that an incremental build computes, or to those of other customers. -#}
    {%- set accounts = customers or changed_customers() -%}
    {%- if accounts -%}
    and account_id in (select customer_id from {{ accounts }})
    {%- endif -%}
{%- endmacro %}

{% macro only_for_accounts() -%}
    {#- Narrows facts to those by customers whose accounts an incremental build computes, or that name their bills. -#}
    {%- if changed_customers() -%}
    and (
            customer_id in (select customer_id from {{ changed_customers() }})
            or bill_id in (
                select bill_id from {{ ref('stg_bill') }}
                where customer_id in (select customer_id from {{ changed_customers() }})
            )
        )
    {%- endif -%}
{%- endmacro %}

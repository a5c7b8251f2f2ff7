{% macro only_of(customers) -%}
    {#- Narrows an import to the customers of a relation, if there is one. -#}
    {%- if customers -%}
    and customer_id in (select customer_id from {{ customers }})
    {%- endif -%}
{%- endmacro %}

{% macro changed_customers() -%}
    {#- The customers whose facts changed, or those of others that name theirs, in an incremental run; else none, which means all. -#}
    {%- set changed = ref('changed_account') -%}
    {{ return(changed if is_incremental() else none) }}
{%- endmacro %}

{% macro only_of(customers) -%}
    {#- Narrows an import to the customers of a relation, if there is one. -#}
    {%- if customers -%}
    and customer_id in (select customer_id from {{ customers }})
    {%- endif -%}
{%- endmacro %}

{% macro changed_customers() -%}
    {#- The customers whose facts changed, in an incremental run; else none, which means all. -#}
    {{ return(source('ops', 'changed_customer') if is_incremental() else none) }}
{%- endmacro %}

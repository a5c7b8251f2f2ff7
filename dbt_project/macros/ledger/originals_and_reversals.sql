{% macro originals(name, customers=none) -%}
    {#- Bills or payments themselves, their reversals left out. Of some customers alone, if given. -#}
    select * from {{ ref('stg_' ~ name) }}
    where
        not is_deleted
        {{ only_of(customers) }}
        and reverses_{{ name }}_id is null
{%- endmacro %}

{% macro reversals(name, dated_by, customers=none) -%}
    {#- The day on which each reversed bill or payment was cancelled first. Of some customers alone, if given. -#}
    select
        customer_id,
        reverses_{{ name }}_id as {{ name }}_id,
        min({{ dated_by }}) as reversed_on
    from {{ ref('stg_' ~ name) }}
    where
        not is_deleted
        {{ only_of(customers) }}
        and reverses_{{ name }}_id is not null
    group by customer_id, reverses_{{ name }}_id
{%- endmacro %}

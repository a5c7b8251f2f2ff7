{% macro is_narrow() -%}
    {#- Whether this build computes what changed since the last release, and not everything. -#}
    {{ return(var('is_narrow') and not flags.FULL_REFRESH) }}
{%- endmacro %}

{% macro known_from(touched) -%}
    {#- Since when each touched customer has been known: by contract, or by a first bill. -#}
    select
        customer_id,
        min(known_from) as known_from
    from (
        select
            customer_id,
            opened_on as known_from
        from {{ ref('stg_customer') }}
        where
            not is_deleted
            {%- if touched %}
            and customer_id in (select customer_id from {{ touched }})
            {%- endif %}
        union all
        select
            customer_id,
            issued_on as known_from
        from {{ ref('stg_bill') }}
        where
            not is_deleted
            {%- if touched %}
            and customer_id in (select customer_id from {{ touched }})
            {%- endif %}
    ) as customers
    group by customer_id
{%- endmacro %}

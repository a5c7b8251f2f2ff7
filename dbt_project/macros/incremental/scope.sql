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
            {{ only_of(touched) }}
        union all
        select
            customer_id,
            issued_on as known_from
        from {{ ref('stg_bill') }}
        where
            not is_deleted
            {{ only_of(touched) }}
    ) as customers
    group by customer_id
{%- endmacro %}

{% macro scopes_by_loose_cash(scope) -%}
    {#- Two imports of a scope, so that only those with loose cash pay for the look at it; each is read once. -#}
scope as (

    select * from {{ ref(scope) }}
    where
        is_known
        and not has_loose_cash

),

scope_with_loose_cash as (

    select * from {{ ref(scope) }}
    where
        is_known
        and has_loose_cash

)
{%- endmacro %}

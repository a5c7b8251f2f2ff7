{% macro is_incremental_build() -%}
    {#- Whether this build computes what changed since the last release, and not everything. -#}
    {{ return(var('is_incremental_build') and not flags.FULL_REFRESH) }}
{%- endmacro %}

{% macro known_from(touched) -%}
    {#- Since when each touched customer has been known: by contract, or by money. -#}
    select
        customer_id,
        known_from
    from {{ ref('account') }}
    where true {{ only_of(touched) }}
{%- endmacro %}

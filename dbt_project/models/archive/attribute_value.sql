-- What is known of a customer beside the contract's columns, from a day on until before another: a later value ends the
-- one before.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[{'columns': ['customer_id', 'name', 'valid_from'], 'unique': true}],
    )
}}
{#- What is declared no more still rates, caps and warns on the days of a version that names it. -#}
{%- set named = attribute_features().values() | map(attribute='attribute') | unique | sort %}

with

attributes as (

    select * from {{ source('policy', 'attributes') }}
    where
        is_declared
        {%- for name in named %}
        or name = '{{ name }}'
        {%- endfor %}

),

facts as (

    select * from {{ ref('stg_customer_attribute') }}
    where not is_deleted {{ only_of(changed_customers()) }}

),

in_order as (

    select
        facts.*,
        attributes.type,
        attributes.is_protected,
        lead(facts.valid_from) over (
            partition by facts.customer_id, facts.name
            order by facts.valid_from
        ) as replaced_from
    from facts
    inner join attributes
        on facts.name = attributes.name

),

spans as (

    select
        customer_id,
        name,
        value,
        type,
        is_protected,
        valid_from,
        least(
            coalesce(cast({{ dbt.dateadd('day', 1, 'valid_to') }} as date), {{ end_of_time() }}),
            coalesce(replaced_from, {{ end_of_time() }})
        ) as valid_to,
        valid_to as stated_valid_to
    from in_order

)

select * from spans
where valid_to > valid_from

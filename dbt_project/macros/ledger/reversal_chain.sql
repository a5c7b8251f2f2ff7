{% macro reversal_chain(name, dated_by) -%}
    {#-
        Every bill or payment that refers to another one, followed to the root of its chain. A reference reverses where the
        signs are opposite; else the fact is a root of its own. What names itself, stands in a ring or depends on one, is reached
        from nowhere.
    -#}
    {%- set id = name ~ '_id' -%}
    {%- set parent_id = 'reverses_' ~ name ~ '_id' %}
{{ name }}s as (

    select
        {{ id }},
        customer_id,
        {{ parent_id }},
        amount,
        {{ dated_by }} as dated_on
    from {{ ref('stg_' ~ name) }}
    where
        not is_deleted
        and amount <> 0

),

referring_{{ name }}s as (

    select * from {{ name }}s
    where
        {{ parent_id }} is not null
        {{ only_of(source('ops', 'changed_customer') if is_incremental() else none) }}

),

{{ name }}_chain as (

    select
        referring.{{ id }},
        referring.customer_id,
        referring.{{ parent_id }},
        referring.amount,
        referring.dated_on,
        case when sign(parents.amount) <> sign(referring.amount) then parents.{{ id }} end as root_id,
        case when sign(parents.amount) <> sign(referring.amount) then parents.amount end as root_amount,
        case when sign(parents.amount) <> sign(referring.amount) then parents.customer_id end as root_customer_id,
        case when sign(parents.amount) <> sign(referring.amount) then 1 else 0 end as level,
        case when sign(parents.amount) <> sign(referring.amount) then greatest(referring.dated_on, parents.dated_on) else referring.dated_on end
            as in_force_on
    from referring_{{ name }}s as referring
    left join {{ name }}s as parents
        on referring.{{ parent_id }} = parents.{{ id }}
    where
        parents.{{ id }} is null
        or parents.{{ parent_id }} is null
        or (sign(parents.amount) = sign(referring.amount) and parents.{{ id }} <> referring.{{ id }})

    union all

    select
        referring.{{ id }},
        referring.customer_id,
        referring.{{ parent_id }},
        referring.amount,
        referring.dated_on,
        coalesce(parents.root_id, parents.{{ id }}) as root_id,
        coalesce(parents.root_amount, parents.amount) as root_amount,
        coalesce(parents.root_customer_id, parents.customer_id) as root_customer_id,
        parents.level + 1 as level,
        greatest(referring.dated_on, parents.in_force_on) as in_force_on
    from {{ name }}_chain as parents
    inner join referring_{{ name }}s as referring
        on
            parents.{{ id }} = referring.{{ parent_id }}
            and sign(parents.amount) <> sign(referring.amount)

)
{%- endmacro %}

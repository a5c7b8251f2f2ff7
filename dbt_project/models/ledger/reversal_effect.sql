-- What each reversal takes from the root of its chain, or gives back to it. None takes more than what it names is
-- worth: the rest is unexplained. Computed from the far end of a chain to its root, in the order of days.
{{
    config(
        materialized='incremental',
        keys_of='changed_customer',
        indexes=[
            {'columns': ['extract', 'fact_id', 'moved_on'], 'unique': true},
            {'columns': ['customer_id']},
            {'columns': ['root_id']},
        ],
    )
}}

{%- set deepest = deepest_reversal() | int %}
with

reversals as (

    select * from {{ ref('reversal') }}
    where true {{ only_of(changed_customers()) }}

),

{% for level in range(deepest, 0, -1) %}
-- What reversals of level {{ level }} are worth, and what is taken back of them by those of the next level.
worth_at_{{ level }} as (

    select
        extract,
        fact_id as node_id,
        fact_id as caused_by,
        in_force_on as moved_on,
        abs(amount) as worth,
        0 as taken_back
    from reversals
    where level = {{ level }}
    {%- if level < deepest %}

    union all

    select
        moved.extract,
        nodes.parent_id as node_id,
        moved.caused_by,
        moved.moved_on,
        0 as worth,
        moved.effect as taken_back
    from effect_at_{{ level + 1 }} as moved
    inner join reversals as nodes
        on
            moved.extract = nodes.extract
            and moved.node_id = nodes.fact_id
    {%- endif %}

),

running_at_{{ level }} as (

    select
        extract,
        node_id,
        caused_by,
        moved_on,
        sum(worth) over node_days as worth,
        sum(taken_back) over node_days as taken_back,
        row_number() over node_days as place
    from worth_at_{{ level }}
    window node_days as (
        partition by extract, node_id
        order by moved_on asc, worth desc, caused_by asc
        rows between unbounded preceding and current row
    )

),

effect_at_{{ level }} as (

    select
        extract,
        node_id,
        caused_by,
        moved_on,
        greatest(worth - taken_back, 0) - coalesce(lag(greatest(worth - taken_back, 0)) over node_places, 0) as effect,
        greatest(taken_back - worth, 0) - coalesce(lag(greatest(taken_back - worth, 0)) over node_places, 0)
            as unexplained
    from running_at_{{ level }}
    window node_places as (
        partition by extract, node_id
        order by place
    )

),
{% endfor %}
-- A root is worth its amount; only a bill may be credited beyond it.
running_at_root as (

    select
        moved.extract,
        nodes.root_id,
        moved.caused_by,
        moved.moved_on,
        moved.effect,
        nodes.extract = 'bill' and nodes.root_amount > 0 as is_of_bill,
        coalesce(roots.kind = 'return_of_nothing', false) as is_of_nothing,
        abs(nodes.root_amount) as worth,
        sum(moved.effect) over root_days as taken,
        row_number() over root_days as place
    from effect_at_1 as moved
    inner join reversals as nodes
        on
            moved.extract = nodes.extract
            and moved.node_id = nodes.fact_id
    left join reversals as roots
        on
            nodes.extract = roots.extract
            and nodes.root_id = roots.fact_id
    window root_days as (
        partition by moved.extract, nodes.root_id
        order by moved.moved_on, moved.caused_by
        rows between unbounded preceding and current row
    )

),

effect_at_root as (

    select
        extract,
        root_id,
        caused_by,
        moved_on,
        case
            when is_of_bill then effect
            when is_of_nothing then 0
            else least(taken, worth) - coalesce(lag(least(taken, worth)) over root_places, 0)
        end as effect,
        case
            when is_of_bill then 0
            -- What a return of nothing takes is all unexplained: what is given back of it is so no longer.
            when is_of_nothing
                then
                    greatest(taken - worth, 0) - least(taken, worth)
                    - coalesce(lag(greatest(taken - worth, 0) - least(taken, worth)) over root_places, 0)
            else greatest(taken - worth, 0) - coalesce(lag(greatest(taken - worth, 0)) over root_places, 0)
        end as unexplained
    from running_at_root
    window root_places as (
        partition by extract, root_id
        order by place
    )

),

effects as (

    select
        extract,
        caused_by as fact_id,
        moved_on,
        effect,
        unexplained
    from effect_at_root
    {% for level in range(1, deepest + 1) %}
    union all

    select
        extract,
        caused_by as fact_id,
        moved_on,
        0 as effect,
        unexplained
    from effect_at_{{ level }}
    {% endfor %}
    union all

    select
        extract,
        fact_id,
        in_force_on as moved_on,
        0 as effect,
        abs(amount) as unexplained
    from reversals
    where kind in ('ring', 'too_deep', 'return_of_nothing')

),

summed as (

    select
        reversals.extract,
        reversals.fact_id,
        reversals.customer_id,
        reversals.root_id,
        effects.moved_on,
        {{ money('sum(effects.effect)') }} as effect,
        {{ money('sum(effects.unexplained)') }} as unexplained_amount
    from effects
    inner join reversals
        on
            effects.extract = reversals.extract
            and effects.fact_id = reversals.fact_id
    group by
        reversals.extract,
        reversals.fact_id,
        reversals.customer_id,
        reversals.root_id,
        effects.moved_on

)

select * from summed
where
    effect <> 0
    or unexplained_amount <> 0

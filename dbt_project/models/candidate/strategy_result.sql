-- Each strategy beside the champion, which pursues the largest share of the customers.
-- An arm of fewer customers than this has no interval: its few large shares decide too much.
{%- set least_arm = 100 %}
{{ config(indexes=[{'columns': ['strategy', 'days_recovered'], 'unique': true}]) }}

with

outcomes as (

    select * from {{ ref('strategy_outcome') }}

),

strategies as (

    select * from {{ source('policy', 'dunning_strategies') }}

),

ranked as (

    select
        outcomes.*,
        strategies.share_pct,
        row_number() over (
            partition by outcomes.days_recovered
            order by strategies.share_pct desc, outcomes.strategy asc
        ) = 1 as is_champion
    from outcomes
    inner join strategies
        on
            outcomes.policy_version = strategies.policy_version
            and outcomes.strategy = strategies.strategy

),

compared as (

    select
        ranked.*,
        ranked.recovered_amount / nullif(ranked.overdue_amount, 0) as money_rate,
        ranked.recovered_amount / nullif(ranked.overdue_amount, 0)
        - champions.recovered_amount / nullif(champions.overdue_amount, 0) as money_difference,
        least(ranked.customers, champions.customers) >= {{ least_arm }} as has_interval,
        ranked.mean_recovered_rate - champions.mean_recovered_rate as difference,
        1.96 * sqrt(ranked.standard_error * ranked.standard_error + champions.standard_error * champions.standard_error)
            as half_width
    from ranked
    inner join ranked as champions
        on
            ranked.days_recovered = champions.days_recovered
            and champions.is_champion

),

as_contracted as (

    select
        cast(strategy as text) as strategy,
        cast(days_recovered as integer) as days_recovered,
        cast(is_champion as boolean) as is_champion,
        cast(share_pct as numeric(6, 2)) as share_pct,
        cast(customers as integer) as customers,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(recovered_amount as numeric(18, 2)) as recovered_amount,
        cast(round(mean_recovered_rate, 4) as numeric(6, 4)) as mean_recovered_rate,
        cast(round(cast(standard_error as numeric), 4) as numeric(6, 4)) as standard_error,
        cast(case when not is_champion then round(difference, 4) end as numeric(6, 4)) as difference,
        cast(case when not is_champion and has_interval then round(cast(difference - half_width as numeric), 4) end as numeric(6, 4))
            as difference_low,
        cast(case when not is_champion and has_interval then round(cast(difference + half_width as numeric), 4) end as numeric(6, 4))
            as difference_high,
        cast(policy_version as text) as policy_version,
        cast(round(money_rate, 4) as numeric(6, 4)) as money_recovered_rate,
        cast(case when not is_champion then round(money_difference, 4) end as numeric(6, 4)) as money_difference,
        cast(case when not is_champion then difference * money_difference < 0 end as boolean) as shares_and_money_disagree
    from compared

)

select * from as_contracted

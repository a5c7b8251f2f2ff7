-- How much of their debts the customers of each strategy paid within so many days, a customer's share counting as one.
-- The champion is the strategy that pursues the largest share of the customers.
{{ config(indexes=[{'columns': ['strategy', 'days_recovered'], 'unique': true}]) }}

with

customers as (

    select * from {{ ref('trial_customer') }}

),

strategies as (

    select * from {{ source('policy', 'dunning_strategies') }}

),

summed as (

    select
        strategy,
        days_recovered,
        policy_version,
        count(*) as customers,
        sum(overdue_amount) as overdue_amount,
        sum(recovered_amount) as recovered_amount,
        {{ ratio('sum(recovered_rate)', 'count(recovered_rate)') }} as mean_recovered_rate,
        stddev_samp(recovered_rate) / sqrt(count(*)) as standard_error
    from customers
    group by strategy, days_recovered, policy_version

),

outcomes as (

    select
        summed.*,
        strategies.share_pct,
        row_number() over (
            partition by summed.days_recovered
            order by strategies.share_pct desc, summed.strategy asc
        ) = 1 as is_champion
    from summed
    inner join strategies
        on
            summed.policy_version = strategies.policy_version
            and summed.strategy = strategies.strategy

)

select * from outcomes

-- How far a strategy's mean may be from the champion's by the draw of the customers alone: the customers of both are
-- drawn again, as the policy draws them. Of 199 draws the difference of the tenth largest is exceeded by chance in 5
-- cases of 100. An arm of fewer customers than this has no interval: its few large shares decide too much. Of many
-- customers a sample is drawn, and the difference made smaller by the root of its share, as that of a mean's error.
{{ config(indexes=[{'columns': ['strategy', 'days_recovered'], 'unique': true}]) }}

{%- set least_arm = 100 %}
{%- set sample = 2000 %}
{%- set redraws = 199 %}
{%- set exceeded_in = 10 %}
with

customers as (

    select * from {{ ref('trial_customer') }}

),

outcomes as (

    select * from {{ ref('strategy_outcome') }}

),

redraws as (

    {{ dbt.generate_series(redraws) }}

),

pairs as (

    select
        challengers.strategy,
        champions.strategy as champion,
        challengers.days_recovered,
        cast(challengers.share_pct as integer) as share_pct,
        cast(challengers.share_pct + champions.share_pct as integer) as share_of_both_pct,
        least({{ ratio('cast(' ~ sample ~ ' as numeric(18, 8))', 'challengers.customers + champions.customers') }}, 1)
            as sampled_share
    from outcomes as challengers
    inner join outcomes as champions
        on challengers.days_recovered = champions.days_recovered
    where
        champions.is_champion
        and not challengers.is_champion
        and least(challengers.customers, champions.customers) >= {{ least_arm }}

),

redrawn as (

    select
        pairs.strategy,
        pairs.days_recovered,
        pairs.sampled_share,
        redraws.generated_number as redraw,
        customers.recovered_rate,
        {{ drawn_of("customers.customer_id || '/' || redraws.generated_number", 'pairs.share_of_both_pct') }}
        < pairs.share_pct as is_challenger
    from pairs
    inner join customers
        on
            pairs.days_recovered = customers.days_recovered
            and customers.strategy in (pairs.strategy, pairs.champion)
            and {{ drawn_of("'sample/' || customers.customer_id", 10000) }} < 10000 * pairs.sampled_share
    cross join redraws

),

-- A draw that leaves an arm empty proves nothing: it counts as the largest difference that there can be.
differences as (

    select
        strategy,
        days_recovered,
        redraw,
        sampled_share,
        coalesce(
            abs(
                avg(case when is_challenger then recovered_rate end)
                - avg(case when not is_challenger then recovered_rate end)
            ),
            1
        ) as difference
    from redrawn
    group by strategy, days_recovered, redraw, sampled_share

),

ranked as (

    select
        *,
        row_number() over (
            partition by strategy, days_recovered
            order by difference desc
        ) as from_largest
    from differences

),

intervals as (

    select
        strategy,
        days_recovered,
        cast(difference * sqrt(sampled_share) as numeric(18, 8)) as half_width
    from ranked
    where from_largest = {{ exceeded_in }}

)

select * from intervals

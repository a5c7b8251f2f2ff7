-- Each strategy compared with the champion, which pursues the largest share of the customers.
{{ config(indexes=[{'columns': ['strategy', 'days_recovered'], 'unique': true}]) }}

with

outcomes as (

    select * from {{ ref('strategy_outcome') }}

),

intervals as (

    select * from {{ ref('strategy_interval') }}

),

compared as (

    select
        outcomes.*,
        {{ ratio('outcomes.recovered_amount', 'outcomes.overdue_amount') }} as money_rate,
        {{ ratio('outcomes.recovered_amount', 'outcomes.overdue_amount') }}
        - {{ ratio('champions.recovered_amount', 'champions.overdue_amount') }} as money_difference,
        outcomes.mean_recovered_rate - champions.mean_recovered_rate as difference,
        intervals.half_width
    from outcomes
    inner join outcomes as champions
        on
            outcomes.days_recovered = champions.days_recovered
            and champions.is_champion
    left join intervals
        on
            outcomes.strategy = intervals.strategy
            and outcomes.days_recovered = intervals.days_recovered

),

as_contracted as (

    select
        cast(strategy as {{ dbt.type_string() }}) as strategy,
        cast(days_recovered as integer) as days_recovered,
        cast(is_champion as boolean) as is_champion,
        cast(share_pct as numeric(6, 2)) as share_pct,
        cast(customers as integer) as customers,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(recovered_amount as numeric(18, 2)) as recovered_amount,
        cast({{ rounded('mean_recovered_rate', 4) }} as numeric(6, 4)) as mean_recovered_rate,
        cast({{ rounded('standard_error', 4) }} as numeric(6, 4)) as standard_error,
        cast(case when not is_champion then {{ rounded('difference', 4) }} end as numeric(6, 4)) as difference,
        cast({{ rounded('difference - half_width', 4) }} as numeric(6, 4)) as difference_low,
        cast({{ rounded('difference + half_width', 4) }} as numeric(6, 4)) as difference_high,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast({{ rounded('money_rate', 4) }} as numeric(6, 4)) as money_recovered_rate,
        cast(case when not is_champion then {{ rounded('money_difference', 4) }} end as numeric(6, 4))
            as money_difference,
        cast(case when not is_champion then difference * money_difference < 0 end as boolean)
            as shares_and_money_disagree
    from compared

)

select * from as_contracted

-- What happened to each warning, and on which day.
{{ config(materialized='view', keys_of='warning_scope') }}

with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

warnings as (

    select * from {{ ref('warning') }}

),

events as (

    select
        customer_id,
        rule,
        opened_on,
        case when is_reopened then 'reopened' else 'opened' end as event,
        level_by_rule as level,
        cast(null as {{ dbt.type_string() }}) as officer_id,
        opened_on as happened_on
    from warnings

    union all

    select
        customer_id,
        rule,
        opened_on,
        'acknowledged' as event,
        case when escalates_on <= acknowledged_on then level else level_by_rule end as level,
        acknowledged_by as officer_id,
        acknowledged_on as happened_on
    from warnings
    where acknowledged_on is not null

    union all

    select
        warnings.customer_id,
        warnings.rule,
        warnings.opened_on,
        'escalated' as event,
        warnings.level,
        cast(null as {{ dbt.type_string() }}) as officer_id,
        warnings.escalates_on as happened_on
    from warnings
    inner join dates
        on warnings.escalates_on <= dates.as_of_date

    union all

    select
        customer_id,
        rule,
        opened_on,
        'cleared' as event,
        level,
        cast(null as {{ dbt.type_string() }}) as officer_id,
        clears_on as happened_on
    from warnings
    where status = 'cleared'

)

select * from events

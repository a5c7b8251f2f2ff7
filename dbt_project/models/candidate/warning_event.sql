-- What happened to each warning, and on which day.
-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule', 'opened_on', 'event'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

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

),

as_contracted as (

    select
        cast(events.customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(events.rule as {{ dbt.type_string() }}) as rule,
        cast(events.opened_on as date) as opened_on,
        cast(events.event as {{ dbt.type_string() }}) as event,
        cast(events.level as {{ dbt.type_string() }}) as level,
        cast(events.officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(events.happened_on as date) as happened_on,
        {{ level_rank('events.level') }} as level_rank
    from scope
    inner join events
        on scope.customer_id = events.customer_id

)

select * from as_contracted

-- The rows that this run replaces in what is published: those of the customers in the warnings' scope.
{{ config(indexes=[{'columns': ['customer_id', 'rule', 'opened_on', 'event'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('warning_scope') }}

),

events as (

    select * from {{ ref('warning_history') }}

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

{% macro rule_look(scope) -%}
    {#-
        The warning rules that hold for a scope's customers as of its dates, by the policy then in force, written from the
        policy tables: one pass over the facts, whatever the rules are.
    -#}
    {%- set rules = policy_table('warning_rules', 'rule') -%}
    {%- set conditions = policy_table('warning_conditions', 'rule, feature') -%}
    {%- set known_features = features() + warning_facts() -%}
with

{#- On the last day everybody is looked at, whomever it concerns; what has become of others stands as it was. #}
scope as (
    {% if is_past(scope) %}
    select
        as_of_date,
        customer_id
    from {{ ref(scope) }}
    where is_known
    {%- else %}
    select
        dates.as_of_date,
        ratings.customer_id
    from {{ ref('rating') }} as ratings
    cross join {{ ref('as_of_date') }} as dates
    where dates.is_latest
    {%- endif %}

),

dates as (

    {{ dates_of(scope) }}

),

features as (

    select * from {{ ref(of_scope('customer_feature', scope)) }}

),

ratings as (

    select * from {{ ref(of_scope('rating', scope)) }}

),

positions as (

    select * from {{ ref(of_scope('credit_position', scope)) }}

),

ratings_before as (

    select * from {{ ref('rating_at_month_end') }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

{#- Outer joins, each of which finds one row: Postgres would take inner ones on two columns to find next to none. #}
facts as (

    select
        scope.as_of_date,
        scope.customer_id,
        ratings.policy_version,
        customers.segment,
        {%- for feature in features() %}
        features.{{ feature }},
        {%- endfor %}
        {{ dbt.datediff('scope.as_of_date', 'features.next_due_on', 'day') }} as days_to_next_due,
        positions.open_amount,
        positions.exposure,
        -- Over a limit of 0 whoever owes anything worth to be pursued is over any share of it.
        case
            when positions.credit_limit > 0 then positions.utilisation
            when positions.exposure >= positions.pursued_from then 9999
        end as utilisation,
        positions.credit_limit - positions.exposure as headroom,
        ratings.grade_rank,
        ratings.grade_rank - ratings_before.grade_rank as grade_steps_down
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    left join ratings
        on
            scope.customer_id = ratings.customer_id
            {{ 'and scope.as_of_date = ratings.as_of_date' if is_past(scope) }}
    left join features
        on
            scope.customer_id = features.customer_id
            {{ 'and scope.as_of_date = features.as_of_date' if is_past(scope) }}
    left join positions
        on
            scope.customer_id = positions.customer_id
            {{ 'and scope.as_of_date = positions.as_of_date' if is_past(scope) }}
    left join ratings_before
        on
            dates.previous_month_end = ratings_before.as_of_date
            and scope.customer_id = ratings_before.customer_id
    left join customers
        on scope.customer_id = customers.customer_id
    {%- if scope == 'month_end_scope' %}
    where scope.as_of_date >= cast('{{ var("warned_from") }}' as date)
    {%- endif %}

),

looks as (

    select
        facts.as_of_date,
        facts.customer_id,
        facts.policy_version,
        met.rule,
        met.evidence
    from facts
    cross join lateral (
        {%- for rule in rules %}
        {%- set tests = [] %}
        {%- set evidence = [] %}
        {%- for one in conditions if one.policy_version == rule.policy_version and one.rule == rule.rule %}
        {%- if one.feature in known_features %}
        {%- do tests.append('facts.' ~ one.feature ~ ' ' ~ one.comparator ~ ' ' ~ one.threshold) %}
        {%- do evidence.append("'" ~ one.feature ~ " ' || round(facts." ~ one.feature ~ ", 2)") %}
        {%- else %}
        {%- do tests.append('false') %}
        {%- do evidence.append("''") %}
        {%- endif %}
        {%- endfor %}
        {%- if rule.not_for %}
        {%- do tests.append("facts.segment not in ('" ~ (rule.not_for.split('|') | join("', '")) ~ "')") %}
        {%- endif %}
        select
            '{{ rule.rule }}' as rule,
            {{ evidence | join(" || '; ' || ") }} as evidence
        where
            facts.policy_version = '{{ rule.policy_version }}'
            and {{ tests | join('\n            and ') }}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- else %}
        select
            '' as rule,
            '' as evidence
        where false
        {%- endfor %}
    ) as met

)

select * from looks
{%- endmacro %}

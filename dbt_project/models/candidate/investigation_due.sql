-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{%- set rules = policy_table('review_rules', 'review_rule') %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}
    where as_of_date = {{ last_day() }}

),

grade_changes as (

    select * from {{ ref('grade_change') }}

),

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),

customers as (

    select * from {{ ref('stg_customer') }}

),

reviews as (

    select * from {{ ref('stg_investigation') }}
    where not is_deleted

),

notices as (

    select * from {{ ref('stg_department_notice') }}
    where not is_deleted

),

events as (

    select * from {{ ref('customer_event') }}

),

dates as (

    select * from {{ ref('as_of_date') }}

),

ratings_at_month_end as (

    select * from {{ ref('rating') }}
    where as_of_date in ({{ past_month_ends() }})

),

ratings_by_day as (

    select * from {{ ref('rating') }}

),

-- Since when reviews are asked for: no policy asks for those of before it. One that does not say since when asks from
-- when its first version was in the warehouse and in force: it may name a day long before.
policies as (

    select
        policy_version,
        coalesce(
            reviews_since,
            greatest(min(effective_from) over of_policy, cast(min(loaded_at) over of_policy as date))
        ) as reviews_since
    from {{ source('policy', 'policies') }}
    window of_policy as (partition by policy_name)

),

assignments as (

    select * from {{ ref('stg_officer_assignment') }}
    where not is_deleted

),

review_rules as (

    select * from {{ source('policy', 'review_rules') }}

),

last_reviews as (

    select
        scope.customer_id,
        max(reviews.done_on) as last_reviewed_on
    from scope
    inner join reviews
        on
            scope.customer_id = reviews.customer_id
            and scope.as_of_date >= reviews.done_on
    group by scope.customer_id

),

-- A notice is open until a review that follows it.
open_notices as (

    select
        scope.customer_id,
        count(*) as open_notices,
        min(notices.noted_on) as first_noted_on
    from scope
    inner join notices
        on
            scope.customer_id = notices.customer_id
            and scope.as_of_date >= notices.noted_on
    left join last_reviews
        on scope.customer_id = last_reviews.customer_id
    where
        last_reviews.last_reviewed_on is null
        or last_reviews.last_reviewed_on < notices.noted_on
    group by scope.customer_id

),

-- The grades of those in scope, as far back as month-ends are kept.
graded as (

    select
        scope.customer_id,
        dates.as_of_date,
        dates.previous_month_end,
        dates.month_start,
        ratings_at_month_end.grade_rank
    from scope
    inner join ratings_at_month_end
        on scope.customer_id = ratings_at_month_end.customer_id
    inner join dates
        on ratings_at_month_end.as_of_date = dates.as_of_date

    union all

    select
        scope.customer_id,
        dates.as_of_date,
        dates.previous_month_end,
        dates.month_start,
        ratings.grade_rank
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join ratings
        on scope.customer_id = ratings.customer_id

),

-- The months at whose end, or on whose last day so far, a customer is lower than at the month-end before.
falls as (

    select
        graded.customer_id,
        graded.as_of_date,
        graded.month_start,
        graded_before.grade_rank as grade_rank_before,
        graded.grade_rank - graded_before.grade_rank as grade_steps_down
    from graded
    inner join graded as graded_before
        on
            graded.customer_id = graded_before.customer_id
            and graded.previous_month_end = graded_before.as_of_date
            and graded.grade_rank > graded_before.grade_rank

),

-- The days that show it: a month-end, the last day, and evaluation days, of which each day of a review is one. These
-- are kept for a year. An older fall counts from the first of its month.
fall_days as (

    select
        falls.customer_id,
        falls.month_start,
        falls.grade_steps_down,
        ratings_by_day.grade_rank - falls.grade_rank_before as steps_by_then,
        case
            when falls.as_of_date <= cast('{{ warned_from() }}' as date) then falls.month_start
            else ratings_by_day.as_of_date
        end as shown_on
    from falls
    inner join ratings_by_day
        on
            falls.customer_id = ratings_by_day.customer_id
            and falls.month_start <= ratings_by_day.as_of_date
            and falls.as_of_date >= ratings_by_day.as_of_date

),

officers as (

    {{ assigned_officers() }}

),

facts as (

    select
        scope.as_of_date,
        scope.customer_id,
        ratings.policy_version,
        ratings.grade,
        ratings.grade_rank,
        grade_changes.grade_steps_down,
        coalesce(open_notices.open_notices, 0) as open_notices,
        {%- for feature in features() %}
        features.{{ feature }},
        {%- endfor %}
        customers.segment,
        customers.region,
        customers.org_unit,
        officers.officer_id,
        last_reviews.last_reviewed_on,
        open_notices.first_noted_on,
        -- From the last review, or else from when the contract and the policy had both begun.
        coalesce(last_reviews.last_reviewed_on, greatest(customers.opened_on, policies.reviews_since)) as reviewed_from,
        -- The first day of which no review can have known.
        coalesce(
            cast({{ dbt.dateadd('day', 1, 'last_reviews.last_reviewed_on') }} as date),
            greatest(customers.opened_on, policies.reviews_since)
        ) as unseen_from
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join features
        on scope.customer_id = features.customer_id
    inner join policies
        on ratings.policy_version = policies.policy_version
    inner join customers
        on scope.customer_id = customers.customer_id
    inner join grade_changes
        on scope.customer_id = grade_changes.customer_id
    left join last_reviews
        on scope.customer_id = last_reviews.customer_id
    left join open_notices
        on scope.customer_id = open_notices.customer_id
    left join officers
        on scope.customer_id = officers.customer_id

),

-- Each rule that asks for a review, and the days from which it counts: what happened asks from its own day on, a fall
-- of grade from the first of its month, until a review since.
asking as (
    {% for rule in rules if rule.feature == 'grade_steps_down' %}
    select
        facts.customer_id,
        facts.segment,
        '{{ rule.review_rule }}' as review_rule,
        greatest(fall_days.month_start, facts.unseen_from) as asked_from
    from facts
    inner join fall_days
        on
            facts.customer_id = fall_days.customer_id
            and facts.policy_version = '{{ rule.policy_version }}'
            and fall_days.grade_steps_down {{ rule.comparator }} {{ rule.threshold }}
            and fall_days.steps_by_then {{ rule.comparator }} {{ rule.threshold }}
    group by facts.customer_id, facts.segment, facts.unseen_from, fall_days.month_start
    having min(fall_days.shown_on) >= facts.unseen_from

    union all
    {% endfor %}
    {%- for rule in rules if rule.feature in event_features() %}
    {%- set definition = event_features()[rule.feature] %}
    {#- Asked from when the feature came to what the rule says; that its months have passed since settles nothing. #}
    select
        facts.customer_id,
        facts.segment,
        '{{ rule.review_rule }}' as review_rule,
        events.happened_on as asked_from
    from facts
    inner join events
        on
            facts.customer_id = events.customer_id
            and facts.policy_version = '{{ rule.policy_version }}'
            and facts.as_of_date >= events.happened_on
            and facts.unseen_from <= events.happened_on
            and {{ counts_event(dict(definition, months=none), 'events', 'facts.as_of_date') }}
    inner join events as counted
        on
            events.customer_id = counted.customer_id
            and events.happened_on >= counted.happened_on
            and {{ counts_event(definition, 'counted', 'events.happened_on') }}
    group by facts.customer_id, facts.segment, events.event_id, events.happened_on
    having count(*) {{ rule.comparator }} {{ rule.threshold }}

    union all
    {% endfor %}
    {%- for rule in rules if rule.feature != 'grade_steps_down' and rule.feature not in event_features() %}
    select
        customer_id,
        segment,
        '{{ rule.review_rule }}' as review_rule,
        {{ 'first_noted_on' if rule.feature == 'open_notices' else 'reviewed_from' }} as asked_from
    from facts
    where
        policy_version = '{{ rule.policy_version }}'
        and {{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }}

    union all
    {% endfor %}
    select
        customer_id,
        segment,
        '' as review_rule,
        as_of_date as asked_from
    from facts
    where false

),

asked as (

    select
        customer_id,
        segment,
        review_rule,
        min(asked_from) as asked_from
    from asking
    group by customer_id, segment, review_rule

),

dated as (

    select
        asked.customer_id,
        asked.review_rule,
        review_rules.months,
        review_rules.text_en,
        review_rules.text_zh,
        cast({{ dbt.dateadd('month', 'review_rules.months', 'asked.asked_from') }} as date) as due_on
    from asked
    inner join facts
        on asked.customer_id = facts.customer_id
    inner join review_rules
        on
            facts.policy_version = review_rules.policy_version
            and asked.review_rule = review_rules.review_rule
            and {{ applies_to('review_rules.not_for', 'asked.segment') }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by due_on, months, review_rule
        ) as place
    from dated

),

due as (

    select
        facts.*,
        ranked.review_rule,
        ranked.text_en,
        ranked.text_zh,
        ranked.due_on
    from facts
    inner join ranked
        on
            facts.customer_id = ranked.customer_id
            and ranked.place = 1

),

as_contracted as (

    select
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(grade as {{ dbt.type_string() }}) as grade,
        cast(grade_steps_down as integer) as grade_steps_down,
        cast(bill_size as numeric(18, 4)) as bill_size,
        cast(open_notices as integer) as open_notices,
        cast(last_reviewed_on as date) as last_reviewed_on,
        cast(investigated_standing as numeric(18, 4)) as investigated_standing,
        cast(review_rule as {{ dbt.type_string() }}) as review_rule,
        cast(text_en as {{ dbt.type_string() }}) as reason_en,
        cast(text_zh as {{ dbt.type_string() }}) as reason_zh,
        cast(due_on as date) as due_on,
        -- By the end of the running month, so that the answer is the same all through it.
        cast({{ months_after('due_on', 'as_of_date') }} >= 0 as boolean) as is_due,
        cast(officer_id as {{ dbt.type_string() }}) as officer_id,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version,
        cast(grade_rank as integer) as grade_rank
    from due

)

select * from as_contracted

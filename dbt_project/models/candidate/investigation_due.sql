-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id'], 'unique': true}]) }}

{#- For each rule of the policies in use the months after which those of whom it holds are due. #}
{%- set rules = policy_table('review_rules', 'months, review_rule') %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

ratings as (

    select * from {{ ref('rating') }}

),

grade_changes as (

    select * from {{ ref('grade_change') }}

),

features as (

    select * from {{ ref('customer_feature') }}

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
        coalesce(open_notices.first_noted_on, last_reviews.last_reviewed_on, customers.opened_on) as noticed_from,
        coalesce(last_reviews.last_reviewed_on, customers.opened_on) as reviewed_from
    from scope
    inner join ratings
        on scope.customer_id = ratings.customer_id
    inner join features
        on scope.customer_id = features.customer_id
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

-- Rules stand in the order of their months: the first that holds asks soonest.
ruled as (

    select
        *,
        case
            {%- for rule in rules %}
            when
                policy_version = '{{ rule.policy_version }}'
                and {{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }}
                {%- if rule.not_for %}
                and segment not in ('{{ rule.not_for.split('|') | join("', '") }}')
                {%- endif %}
                then '{{ rule.review_rule }}'
            {%- endfor %}
            {%- if not rules %}
            when false then ''
            {%- endif %}
        end as review_rule
    from facts

),

due as (

    select
        ruled.*,
        review_rules.months,
        review_rules.text_en,
        review_rules.text_zh,
        -- A notice asks from its own day on, all else from the last review.
        cast(
            {{ dbt.dateadd(
                'month',
                'review_rules.months',
                "case when review_rules.feature = 'open_notices' then ruled.noticed_from else ruled.reviewed_from end"
            ) }} as date
        ) as due_on
    from ruled
    inner join review_rules
        on
            ruled.policy_version = review_rules.policy_version
            and ruled.review_rule = review_rules.review_rule

),

as_contracted as (

    select
        cast(customer_id as text) as customer_id,
        cast(segment as text) as segment,
        cast(region as text) as region,
        cast(org_unit as text) as org_unit,
        cast(grade as text) as grade,
        cast(grade_steps_down as integer) as grade_steps_down,
        cast(bill_size as numeric(18, 4)) as bill_size,
        cast(open_notices as integer) as open_notices,
        cast(last_reviewed_on as date) as last_reviewed_on,
        cast(investigated_standing as numeric(18, 4)) as investigated_standing,
        cast(review_rule as text) as review_rule,
        cast(text_en as text) as reason_en,
        cast(text_zh as text) as reason_zh,
        cast(due_on as date) as due_on,
        -- By the end of the running month, so that the answer is the same all through it.
        cast({{ months_after('due_on', 'as_of_date') }} >= 0 as boolean) as is_due,
        cast(officer_id as text) as officer_id,
        cast(policy_version as text) as policy_version,
        cast(grade_rank as integer) as grade_rank
    from due

)

select * from as_contracted

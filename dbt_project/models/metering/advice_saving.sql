-- What the bills of a year would be lower by under each advice of the policy in force, of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id', 'advice'], 'unique': true}]) }}
-- depends_on: {{ source('policy', 'advice_rules') }}

{%- set rules = [] %}
{%- for rule in policy_table('advice_rules', 'advice')
    if rule.policy_version == policy_in_force() and money_at_stake(rule) %}
{%- do rules.append(rule) %}
{%- endfor %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

-- Of those alone to whom some rule speaks: most are advised nothing.
features as (

    select * from {{ ref('customer_feature') }}
    where
        as_of_date = {{ last_day() }}
        and (
            {%- for rule in rules %}
            {{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }} or
            {%- endfor %}
            false
        )

),

percentages as (

    select * from {{ ref('power_factor_percentage') }}

),

regular_bills as (

    select * from {{ ref('standing_bill') }}
    where kind = 'regular'

),

checks as (

    select * from {{ ref('bill_check') }}

),

-- Of months that have ended: a later reading says nothing new of them. Capacity is apparent power: demand over the
-- power factor.
billed as (

    select
        regular_bills.customer_id as billed_customer_id,
        checks.*,
        case
            when checks.max_demand_kw = 0 then 0
            else {{ ratio('checks.max_demand_kw', 'checks.power_factor') }}
        end as demand_kva
    from regular_bills
    inner join scope
        on
            regular_bills.customer_id = scope.customer_id
            and regular_bills.issued_on > scope.year_before
            and regular_bills.issued_on <= scope.as_of_date
    inner join features
        on regular_bills.customer_id = features.customer_id
    left join checks
        on regular_bills.bill_id = checks.bill_id
    cross join dates
    where coalesce(checks.usage_month, regular_bills.period) < dates.month_start

),

-- The year's largest is known where that of each billed month is.
with_largest as (

    select
        *,
        case
            when count(*) over of_customer = count(demand_kva) over of_customer
                then max(demand_kva) over of_customer
        end as max_demand_kva
    from billed
    window of_customer as (partition by billed_customer_id)

),

bills as (

    select * from with_largest
    where outcome <> 'not measured'

),

savings as (
    {% for rule in rules %}
    select
        bills.customer_id,
        '{{ rule.advice }}' as advice,
        sum({{ money_at_stake(rule) }}) as money_at_stake
    from bills
    group by bills.customer_id
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
    {%- if not rules %}
    select
        bills.customer_id,
        '' as advice,
        0 as money_at_stake
    from bills
    where false
    {% endif %}
),

known_savings as (

    select
        customer_id,
        advice,
        cast({{ rounded('greatest(money_at_stake, 0)', 2) }} as numeric(18, 2)) as money_at_stake
    from savings
    where money_at_stake is not null

)

select * from known_savings

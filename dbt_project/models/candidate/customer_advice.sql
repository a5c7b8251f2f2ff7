-- The rows that this run replaces in what is published: those of the customers in scope.
{{ config(indexes=[{'columns': ['customer_id', 'advice'], 'unique': true}]) }}

{%- set rules = policy_table('advice_rules', 'advice') %}
with

scope as (

    select * from {{ ref('customer_scope') }}
    where is_known

),

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

customers as (

    select * from {{ ref('stg_customer') }}

),

terms as (

    select * from {{ ref('contract_term') }}

),

features as (

    select * from {{ ref('customer_feature') }}
    where as_of_date = {{ last_day() }}

),

use as (

    select * from {{ ref('usage') }}
    where as_of_date = {{ last_day() }}

),

advice_rules as (

    select * from {{ source('policy', 'advice_rules') }}

),

tariffs as (

    select * from {{ ref('stg_tariff') }}
    where not is_deleted

),

bills as (

    select * from {{ ref('standing_bill') }}

),

tariffs_by_age as (

    select
        tariffs.*,
        row_number() over (
            partition by tariffs.tariff_code, tariffs.register
            order by tariffs.valid_from desc
        ) as age_rank
    from tariffs
    inner join dates
        on tariffs.valid_from <= dates.as_of_date

),

prices as (

    select
        tariff_code,
        max(demand_price) as demand_price,
        max(case when register = 'peak' then unit_price end) as peak_price,
        max(case when register = 'valley' then unit_price end) as valley_price
    from tariffs_by_age
    where age_rank = 1
    group by tariff_code

),

-- Of those alone to whom some rule speaks: most are advised nothing.
surcharges as (

    select
        scope.customer_id,
        sum(case when bills.adjustment > 0 then bills.adjustment when bills.adjustment <= 0 then 0 end) as surcharge_12m
    from scope
    inner join features
        on scope.customer_id = features.customer_id
    inner join bills
        on
            scope.customer_id = bills.customer_id
            and scope.as_of_date >= bills.issued_on
            and scope.year_before < bills.issued_on
    where
        {%- for rule in rules %}
        features.{{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }} or
        {%- endfor %}
        false
    group by scope.customer_id

),

advised as (
    {% for rule in rules %}
    select
        scope.customer_id,
        advice_rules.policy_version,
        advice_rules.advice,
        advice_rules.kind,
        '{{ rule.feature }}' as feature,
        features.{{ rule.feature }} as feature_value,
        advice_rules.threshold,
        advice_rules.text_en,
        advice_rules.text_zh,
        {{ money_at_stake(rule) }} as money_at_stake
    from scope
    inner join dates
        on
            scope.as_of_date = dates.as_of_date
            and dates.policy_version = '{{ rule.policy_version }}'
    inner join advice_rules
        on
            dates.policy_version = advice_rules.policy_version
            and advice_rules.advice = '{{ rule.advice }}'
    inner join features
        on
            scope.customer_id = features.customer_id
            and features.{{ rule.feature }} {{ rule.comparator }} {{ rule.threshold }}
    inner join customers
        on
            scope.customer_id = customers.customer_id
            and {{ applies_to('advice_rules.not_for', 'customers.segment') }}
    inner join terms
        on
            scope.customer_id = terms.customer_id
            and scope.as_of_date >= terms.valid_from
            and scope.as_of_date < terms.valid_to
    -- Only some rules count money, and need these.
    left join use -- noqa: ST11
        on scope.customer_id = use.customer_id
    left join prices -- noqa: ST11
        on terms.tariff_code = prices.tariff_code
    left join surcharges -- noqa: ST11
        on scope.customer_id = surcharges.customer_id
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
    {%- if not rules %}
    select
        customer_id,
        '' as policy_version,
        '' as advice,
        '' as kind,
        '' as feature,
        0 as feature_value,
        0 as threshold,
        '' as text_en,
        '' as text_zh,
        0 as money_at_stake
    from scope
    where false
    {% endif %}
),

as_contracted as (

    select
        cast(advised.customer_id as text) as customer_id,
        cast(advised.advice as text) as advice,
        cast(customers.segment as text) as segment,
        cast(customers.region as text) as region,
        cast(customers.org_unit as text) as org_unit,
        cast(advised.kind as text) as kind,
        cast(advised.feature as text) as feature,
        cast(advised.feature_value as numeric(18, 4)) as feature_value,
        cast(advised.threshold as numeric(18, 4)) as threshold,
        case
            when advised.money_at_stake is not null
                then cast(round(greatest(advised.money_at_stake, 0), 2) as numeric(18, 2))
        end as money_at_stake,
        cast(advised.text_en as text) as advice_en,
        cast(advised.text_zh as text) as advice_zh,
        cast(advised.policy_version as text) as policy_version
    from advised
    inner join customers
        on advised.customer_id = customers.customer_id

)

select * from as_contracted

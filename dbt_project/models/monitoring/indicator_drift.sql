-- How far the population has moved within a year: its scores, and each indicator, by the bins of the policy. In the
-- first year its scores alone, within a month.
{{ config(indexes=[{'columns': ['indicator'], 'unique': true}]) }}

{#-
    Month-end with month-end, as constants so that they are looked up: the newest, and the youngest that is a year
    older, else the oldest; of those that had a year of bills behind them as well. Before there are, windows of a year
    fill up: no indicator is compared, and scores with the month-end before alone, if enough bills had fallen due.
-#}
{%- set last_day = as_of_dates() | last -%}
{%- set month_ends = as_of_dates()[:-1] + ([last_day] if is_month_end(last_day) else []) -%}
{%- set now = month_ends | last -%}
{%- set year_before = ((now[:4] | int) - 1) ~ now[4:8] ~ '31' if now else '' -%}
{%- set staged_bills = ref('stg_bill') -%}
{%- set bills = load_relation(staged_bills) if execute -%}
{%- set oldest_due = run_query(
    'select cast(due_on as ' ~ dbt.type_string() ~ ') as due_on from ' ~ bills ~ ' order by due_on limit 1 offset 99'
).rows if bills else [] -%}
{%- set known_from = oldest_due[0][0] if oldest_due else '' -%}
{%- set earlier = month_ends[:-1] | select('ge', known_from) | list -%}
{%- set full_from = ((known_from[:4] | int) + 1) ~ known_from[4:] if known_from else '9999' -%}
{%- set full = earlier | select('ge', full_from) | list -%}
{%- set then = (full | select('le', year_before) | list | last) or (full | first) or (earlier | last) -%}
{%- set now_date = "cast('" ~ now ~ "' as date)" if now else 'cast(null as date)' -%}
{%- set base_date = "cast('" ~ then ~ "' as date)" if then else 'cast(null as date)' -%}
with

dates as (

    select * from {{ ref('as_of_date') }}

),

customers as (

    select * from {{ ref('stg_customer') }}
    where not is_deleted

),

-- So many distinguish an index of 0.01 from none, however many customers there are.
sampled as (

    select
        customer_id,
        segment,
        {{ dbt.hash('customer_id') }} as place
    from customers
    order by place
    limit 5000

),

-- By their place: a join would be made after all that the view joins for everybody.
month_end_features as (

    select * from {{ ref('customer_feature') }}
    where
        as_of_date in ({{ base_date }}, {{ now_date }})
        and {{ dbt.hash('customer_id') }} <= (select max(place) from sampled)

),

month_end_scores as (

    select * from {{ ref('score') }}
    where as_of_date in ({{ base_date }}, {{ now_date }})

),

features_then as (

    select
        customer_id,
        bills_due_12m as bills_due_in_year,
        {{ indicators() | join(',\n        ') }}
    from month_end_features
    where as_of_date = {{ base_date }}

),

features_now as (

    select
        customer_id,
        bills_due_12m as bills_due_in_year,
        {{ indicators() | join(',\n        ') }}
    from month_end_features
    where as_of_date = {{ now_date }}

),

scores_then as (

    select
        customer_id,
        policy_version,
        score
    from month_end_scores
    where as_of_date = {{ base_date }}

),

scores_now as (

    select
        customer_id,
        policy_version,
        score
    from month_end_scores
    where as_of_date = {{ now_date }}

),

indicators as (

    select * from {{ source('policy', 'indicators') }}

),

policies as (

    select * from {{ source('policy', 'policies') }}

),

latest_date as (

    select * from dates
    where is_latest

),

indicators_now as (

    select
        sampled.customer_id,
        sampled.segment,
        latest_date.policy_version,
        one.indicator,
        one.indicator_value
    from sampled
    cross join latest_date
    inner join features_now
        on sampled.customer_id = features_now.customer_id
    {{ each_indicator('features_now') }}

),

indicators_then as (

    select
        sampled.customer_id,
        sampled.segment,
        latest_date.policy_version,
        one.indicator,
        one.indicator_value
    from sampled
    cross join latest_date
    inner join features_then
        on sampled.customer_id = features_then.customer_id
    {{ each_indicator('features_then') }}

),

values_of_both as (

    select
        *,
        true as is_now
    from indicators_now
    union all
    select
        *,
        false as is_now
    from indicators_then

),

binned as (

    select
        *,
        {{ indicator_bin() }} as bin
    from values_of_both

),

in_policy as (

    select
        binned.customer_id,
        binned.is_now,
        binned.indicator,
        binned.bin,
        binned.bin is not null as is_available,
        binned.policy_version
    from binned
    inner join indicators
        on
            binned.policy_version = indicators.policy_version
            and binned.indicator = indicators.indicator
            and {{ applies_to('indicators.not_for', 'binned.segment') }}

),

-- Scores by tens, beside the indicators; where no bill was due in the year they say less, and are not compared.
scores as (

    select
        scores_now.customer_id,
        scores_now.score,
        scores_now.policy_version,
        features_now.bills_due_in_year,
        true as is_now
    from scores_now
    inner join features_now
        on scores_now.customer_id = features_now.customer_id

    union all

    select
        scores_then.customer_id,
        scores_then.score,
        scores_then.policy_version,
        features_then.bills_due_in_year,
        false as is_now
    from scores_then
    inner join features_then
        on scores_then.customer_id = features_then.customer_id

),

banded as (

    select * from in_policy

    union all

    select
        sampled.customer_id,
        scores.is_now,
        'score' as indicator,
        case when scores.bills_due_in_year > 0 then cast(floor(scores.score / 10) as integer) end as bin,
        scores.score is not null as is_available,
        scores.policy_version
    from sampled
    inner join scores
        on sampled.customer_id = scores.customer_id

),

-- Compared are those with a value on both dates, and scores of one version: another one's are no drift.
paired as (

    select
        *,
        count(bin) over (partition by customer_id, indicator) = 2
        and min(policy_version) over (partition by customer_id, indicator)
        = max(policy_version) over (partition by customer_id, indicator) as is_compared
    from banded

),

counted as (

    select
        indicator,
        case when is_compared then bin end as bin,
        sum(case when is_now then 1 else 0 end) as customers,
        sum(case when is_now then 0 else 1 end) as customers_before,
        sum(case when is_now and is_available then 1 else 0 end) as with_value,
        sum(case when not is_now and is_available then 1 else 0 end) as with_value_before
    from paired
    group by
        indicator,
        case when is_compared then bin end

),

totalled as (

    select
        *,
        sum(customers) over (partition by indicator) as customers_in_all,
        sum(customers_before) over (partition by indicator) as customers_in_all_before,
        sum(case when bin is not null then customers end) over (partition by indicator) as compared,
        sum(case when bin is not null then customers_before end) over (partition by indicator) as compared_before
    from counted

),

-- An empty bin counts as one in ten thousand, as is usual: its logarithm would be infinite.
shared as (

    select
        *,
        greatest({{ ratio('customers', 'compared') }}, 0.0001) as share,
        greatest({{ ratio('customers_before', 'compared_before') }}, 0.0001) as share_before
    from totalled
    where
        compared >= 100
        and compared_before >= 100
        and bin is not null

),

indices as (

    select
        indicator,
        cast({{ rounded('sum((share - share_before) * ln(share / share_before))', 4) }} as numeric(10, 4)) as psi
    from shared
    group by indicator

),

counts as (

    select
        indicator,
        max(customers_in_all) as customers,
        max(customers_in_all_before) as customers_before,
        cast({{ rounded_ratio('sum(with_value)', 'max(customers_in_all)', 4) }} as numeric(6, 4)) as available_share,
        cast({{ rounded_ratio('sum(with_value_before)', 'max(customers_in_all_before)', 4) }} as numeric(6, 4))
            as available_share_before
    from totalled
    group by indicator

),

dated as (

    select
        counts.indicator,
        {{ base_date }} as base_date,
        {{ now_date }} as as_of_date,
        counts.customers,
        counts.customers_before,
        counts.available_share,
        counts.available_share_before,
        {{ 'indices.psi' if full else "case when counts.indicator = 'score' then indices.psi end" }} as psi,
        latest_date.policy_version,
        case when counts.indicator = 'score' then policies.max_score_psi end as blocked_above
    from counts
    left join indices
        on counts.indicator = indices.indicator
    cross join latest_date
    inner join policies
        on latest_date.policy_version = policies.policy_version

)

select * from dated

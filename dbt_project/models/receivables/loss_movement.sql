-- How the loss to be expected moved from each month-end to the next: what of it is new, paid, written off, older, or
-- weighed by other rates.
{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

{#- What is weighed: an amount, by the age of then or now, the rates of a date, and a policy. -#}
{%- set states = {
    'opening': ('net_then', 'then', 'previous_on', 'previous_policy'),
    'retained_then': ('retained', 'then', 'previous_on', 'previous_policy'),
    'retained_aged': ('retained', 'now', 'previous_on', 'previous_policy'),
    'retained': ('retained', 'now', 'as_of_date', 'policy_version'),
    'closing': ('net_now', 'now', 'as_of_date', 'policy_version'),
} %}
with

covered as (

    select * from {{ ref('as_of_date') }}

),

-- The first date has none before it.
dates as (

    select
        covered.as_of_date,
        covered.policy_version,
        before.as_of_date as previous_on,
        before.policy_version as previous_policy
    from covered
    left join covered as before
        on covered.previous_month_end = before.as_of_date

),

debts as (

    select * from {{ ref('net_debt') }}

),

matrix as (

    select
        as_of_date as rated_on,
        segment,
        days_overdue,
        expected_default_rate
    from {{ ref('default_matrix') }}

),

write_offs as (

    select
        dates.as_of_date,
        changes.bill_id,
        sum(changes.written_off) as written_off
    from {{ ref('write_off_change') }} as changes
    inner join dates
        on
            changes.moved_on > dates.previous_on
            and changes.moved_on <= dates.as_of_date
    group by dates.as_of_date, changes.bill_id

),

debts_then as (

    select
        debts.*,
        dates.as_of_date as moved_to
    from debts
    inner join dates
        on debts.as_of_date = dates.previous_on

),

debts_now as (

    select debts.*
    from debts
    inner join dates
        on debts.as_of_date = dates.as_of_date

),

bills as (

    select
        moved_to as as_of_date,
        bill_id
    from debts_then

    union

    select
        as_of_date,
        bill_id
    from debts_now

),

-- Retained is what was owed on both dates.
pairs as (

    select
        bills.as_of_date,
        bills.bill_id,
        dates.policy_version,
        dates.previous_on,
        dates.previous_policy,
        coalesce(debts_now.region, debts_then.region) as region,
        coalesce(debts_now.org_unit, debts_then.org_unit) as org_unit,
        coalesce(debts_now.segment, debts_then.segment) as segment,
        debts_then.age as age_then,
        debts_then.matrix_age as matrix_age_then,
        debts_then.is_in_default as is_in_default_then,
        debts_now.age as age_now,
        debts_now.matrix_age as matrix_age_now,
        debts_now.is_in_default as is_in_default_now,
        coalesce(debts_now.open_amount, 0) as open_amount,
        coalesce(debts_then.net_amount, 0) as net_then,
        coalesce(debts_now.net_amount, 0) as net_now,
        least(coalesce(debts_then.net_amount, 0), coalesce(debts_now.net_amount, 0)) as retained,
        greatest(coalesce(write_offs.written_off, 0), 0) as written_off
    from bills
    inner join dates
        on bills.as_of_date = dates.as_of_date
    left join debts_then
        on
            bills.as_of_date = debts_then.moved_to
            and bills.bill_id = debts_then.bill_id
    left join debts_now
        on
            bills.as_of_date = debts_now.as_of_date
            and bills.bill_id = debts_now.bill_id
    left join write_offs
        on
            bills.as_of_date = write_offs.as_of_date
            and bills.bill_id = write_offs.bill_id

),

-- The same debt by the age and the rates of then and of now: what lies between two of them is one kind of movement.
states as (
    {%- for state, (amount, age, rated_on, policy) in states.items() %}
    {{ 'union all' if not loop.first }}
    select
        as_of_date,
        bill_id,
        segment,
        '{{ state }}' as state,
        {{ amount }} as amount,
        age_{{ age }} as age,
        matrix_age_{{ age }} as matrix_age,
        is_in_default_{{ age }} as is_in_default,
        {{ rated_on }} as rated_on,
        {{ policy }} as policy_version
    from pairs
    where {{ amount }} > 0
    {%- endfor %}

),

weighed as (

    select
        states.*,
        {{ probability_of_default('states') }} as probability_of_default,
        {{ loss_given_default('states.age') }} as loss_given_default
    from states
    left join matrix
        on
            states.rated_on = matrix.rated_on
            and states.segment = matrix.segment
            and states.matrix_age = matrix.days_overdue

),

losses as (

    select
        as_of_date,
        bill_id,
        state,
        round({{ product('amount', 'probability_of_default', 'loss_given_default') }}, 2) as loss
    from weighed

),

losses_by_bill as (

    select
        {%- for state in states %}
        coalesce(sum(case when losses.state = '{{ state }}' then losses.loss end), 0) as {{ state }},
        {%- endfor %}
        pairs.as_of_date,
        pairs.bill_id
    from pairs
    left join losses
        on
            pairs.as_of_date = losses.as_of_date
            and pairs.bill_id = losses.bill_id
    group by pairs.as_of_date, pairs.bill_id

),

bill_movements as (

    select
        pairs.as_of_date,
        pairs.previous_on,
        pairs.region,
        pairs.org_unit,
        pairs.segment,
        pairs.open_amount,
        pairs.net_now,
        losses_by_bill.opening,
        losses_by_bill.closing,
        losses_by_bill.opening - losses_by_bill.retained_then as ended,
        -- Of what is owed no longer, the part that was written off.
        case
            when pairs.net_then > pairs.retained
                then
                    {{ rounded_ratio(
                        product(
                            '(losses_by_bill.opening - losses_by_bill.retained_then)',
                            'least(pairs.written_off, pairs.net_then - pairs.retained)'
                        ),
                        '(pairs.net_then - pairs.retained)',
                        2
                    ) }}
            else 0
        end as written_off,
        losses_by_bill.retained_aged - losses_by_bill.retained_then as aged,
        losses_by_bill.retained - losses_by_bill.retained_aged as rates_changed,
        losses_by_bill.closing - losses_by_bill.retained as new
    from pairs
    inner join losses_by_bill
        on
            pairs.as_of_date = losses_by_bill.as_of_date
            and pairs.bill_id = losses_by_bill.bill_id

),

movements as (

    select
        as_of_date,
        previous_on,
        region,
        org_unit,
        segment,
        {{ money('sum(open_amount)') }} as open_amount,
        {{ money('sum(net_now)') }} as net_amount,
        {{ money('sum(opening)') }} as opening_loss,
        {{ money('sum(new)') }} as new_loss,
        {{ money('sum(ended - written_off)') }} as paid_loss,
        {{ money('sum(written_off)') }} as written_off_loss,
        {{ money('sum(aged)') }} as aged_loss,
        {{ money('sum(rates_changed)') }} as rates_loss,
        {{ money('sum(closing)') }} as closing_loss
    from bill_movements
    group by as_of_date, previous_on, region, org_unit, segment

)

select * from movements

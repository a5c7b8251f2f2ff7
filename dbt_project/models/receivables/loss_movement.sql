-- How the loss to be expected moved from each month-end to the next: what of it is new, paid, written off, older, or
-- weighed by other rates.
{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}
with

covered as (

    select * from {{ ref('as_of_date') }}

),

-- The first date has none before it.
dates as (

    select
        covered.as_of_date,
        before.as_of_date as previous_on
    from covered
    left join covered as before
        on covered.previous_month_end = before.as_of_date

),

matrix as (

    select
        as_of_date as rated_on,
        segment,
        days_overdue,
        expected_default_rate
    from {{ ref('default_matrix') }}

),

-- Each debt by the rates of its own date.
debts as (

    select
        net_debt.*,
        {{ probability_of_default('net_debt') }} as probability_of_default,
        {{ loss_given_default('age') }} as loss_given_default
    from {{ ref('net_debt') }} as net_debt
    left join matrix
        on
            net_debt.as_of_date = matrix.rated_on
            and net_debt.segment = matrix.segment
            and net_debt.matrix_age = matrix.days_overdue

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

-- What is owed now, beside what was owed then: either may be missing.
pairs as (

    select
        coalesce(debts_now.as_of_date, debts_then.moved_to) as as_of_date,
        coalesce(debts_now.bill_id, debts_then.bill_id) as bill_id,
        coalesce(debts_now.region, debts_then.region) as region,
        coalesce(debts_now.org_unit, debts_then.org_unit) as org_unit,
        coalesce(debts_now.segment, debts_then.segment) as segment,
        coalesce(debts_now.open_amount, 0) as open_amount,
        coalesce(debts_then.net_amount, 0) as net_then,
        coalesce(debts_now.net_amount, 0) as net_now,
        least(coalesce(debts_then.net_amount, 0), coalesce(debts_now.net_amount, 0)) as retained,
        coalesce(debts_then.probability_of_default, 0) as probability_then,
        coalesce(debts_then.loss_given_default, 0) as loss_given_then,
        coalesce(debts_now.probability_of_default, 0) as probability_now,
        coalesce(debts_now.loss_given_default, 0) as loss_given_now,
        debts_then.policy_version,
        debts_now.age,
        debts_now.matrix_age,
        debts_now.is_in_default
    from debts_then
    full outer join debts_now
        on
            debts_then.moved_to = debts_now.as_of_date
            and debts_then.bill_id = debts_now.bill_id

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

-- What is still owed, as old as it is now, by the rates of then.
aged as (

    select
        pairs.*,
        dates.previous_on,
        greatest(coalesce(write_offs.written_off, 0), 0) as written_off_amount,
        {{ probability_of_default('pairs') }} as probability_aged,
        coalesce({{ loss_given_default('pairs.age') }}, 0) as loss_given_aged
    from pairs
    inner join dates
        on pairs.as_of_date = dates.as_of_date
    left join matrix
        on
            dates.previous_on = matrix.rated_on
            and pairs.segment = matrix.segment
            and pairs.matrix_age = matrix.days_overdue
    left join write_offs
        on
            pairs.as_of_date = write_offs.as_of_date
            and pairs.bill_id = write_offs.bill_id

),

-- The same debt by the age and the rates of then and of now: what lies between two of them is one kind of movement.
losses as (

    select
        *,
        net_then - retained as ended_amount,
        round({{ product('net_then', 'probability_then', 'loss_given_then') }}, 2) as opening,
        round({{ product('retained', 'probability_then', 'loss_given_then') }}, 2) as retained_then,
        round({{ product('retained', 'probability_aged', 'loss_given_aged') }}, 2) as retained_aged,
        round({{ product('retained', 'probability_now', 'loss_given_now') }}, 2) as retained_now,
        round({{ product('net_now', 'probability_now', 'loss_given_now') }}, 2) as closing
    from aged

),

bill_movements as (

    select
        as_of_date,
        previous_on,
        region,
        org_unit,
        segment,
        open_amount,
        net_now,
        opening,
        closing,
        opening - retained_then as ended,
        -- Of what is owed no longer, the part that was written off.
        case
            when ended_amount > 0
                then
                    {{ rounded_ratio(
                        product('(opening - retained_then)', 'least(written_off_amount, ended_amount)'),
                        'ended_amount',
                        2
                    ) }}
            else 0
        end as written_off,
        retained_aged - retained_then as aged,
        retained_now - retained_aged as rates_changed,
        closing - retained_now as new
    from losses

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

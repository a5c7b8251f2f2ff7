-- How customers had paid, and what they owed, as of each day of the scope.
{{
    config(
        materialized='incremental',
        keys_of='as_of_scope',
        indexes=[{'columns': ['as_of_date', 'customer_id'], 'unique': true}, {'columns': ['customer_id']}],
    )
}}

{%- set most_months = 15 %}
{%- set months_within_year = payment_windows() | reject('equalto', 12) | list %}

{#- Three steps for each customer and day: the bills as they `stood`, those open or of the last year; `judged` by the
    policy, and beside bills due on the same day; `bills`, beside all others. Each has a window, which keeps Postgres
    from computing its columns again wherever they are read. What is open and disputed is set aside, unless the policy
    counts it: the whole bill where nothing else of it is open. A bill of which less than is pursued was not paid in
    time, and less than the policy's share, is not late, whenever the rest comes. #}
{%- set late_share = product('dates.late_share_of_bill', 'stood.judged_amount') %}
{%- set late_from = 'least(dates.pursued_from, coalesce(' ~ late_share ~ ', dates.pursued_from))' %}
{%- set is_in_time = 'stood.judged_amount - stood.paid_in_time < ' ~ late_from %}
{%- set days_late = 'case when ' ~ is_in_time ~ ' then 0 else '
    ~ days_after('stood.due_on', 'coalesce(stood.settled_on, scope.as_of_date)') ~ ' end' %}
{%- set is_due = 'stood.due_on > dates.year_before and stood.due_on <= scope.as_of_date and stood.judged_amount > 0'
    ~ ' and not (stood.open_amount > 0 and stood.counted_amount = 0)' %}
{%- set set_aside = '(case when dates.dispute_counts_in_rating then 0 else balances.disputed_amount end)' %}
{%- set is_issued_in_year = 'balances.issued_on > dates.year_before and balances.credited_amount < balances.amount' %}
{%- set is_of_use = is_issued_in_year ~ ' and balances.period is not null' %}
{%- set pursued = 'case when stood.due_on < scope.as_of_date then stood.counted_amount else 0 end' %}

with

dates as (

    select * from {{ ref('evaluation_date') }}

),

scope as (

    select * from {{ ref('as_of_scope') }}

),

returned_payments as (

    select * from {{ ref('returned_payment') }}

),

all_figures as (

    select
        scope.as_of_date,
        scope.customer_id,
        {{ pursued_from('dates', 'figures.mean_bill') }} as pursued_from,
        figures.*
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    cross join lateral (  -- noqa: ST05
        select
            {%- for name, definition in measured_features().items() %}
            {{ payment_measure(definition) }} as {{ name }},
            {%- endfor %}
            count(case when bills.is_due_in_12m then 1 end) as bills_due_12m,
            -- n x the sum of squares less the square of the sum: whole numbers, exact on every database.
            count(case when bills.is_due_in_12m then 1 end)
            * sum(case when bills.is_due_in_12m then bills.days_late * bills.days_late end)
            - sum(case when bills.is_due_in_12m then bills.days_late end)
            * sum(case when bills.is_due_in_12m then bills.days_late end)
                as squared_spread,
            count(
                case
                    when
                        bills.is_due_in_12m
                        and bills.days_late > 0
                        and bills.due_on > coalesce(bills.last_in_time_due_on, bills.due_on - 1)
                        then 1
                end
            ) as late_streak,
            count(
                case
                    when
                        bills.is_due_in_12m
                        and bills.is_in_time
                        and bills.due_on > coalesce(bills.last_late_due_on, bills.due_on - 1)
                        then 1
                end
            ) as on_time_streak,
            max(bills.last_late_due_on) as last_late_due_on,
            sum(bills.disputed_amount) as disputed_amount,
            max(case when bills.is_of_use_in_year then bills.standing_amount end) as largest_bill,
            count(case when bills.is_of_use_in_year then 1 end) as bills_12m,
            count(case when bills.open_amount > 0 and bills.is_past_due then 1 end) as overdue_bills,
            sum(case when bills.is_of_use_in_year then bills.standing_amount end) as billed_12m,
            {{ count_bits('case when bills.is_of_use_in_year then bills.issued_month_bit end') }} as months_billed_12m,
            min(
                case
                    when bills.is_of_use_in_year and bills.period > bills.period_before
                        then {{ months_after('bills.period_before', 'bills.period') }}
                end
            ) as months_between_bills,
            count(
                case
                    when bills.is_of_use_in_year and bills.period > coalesce(bills.period_before, bills.period - 1)
                        then 1
                end
            ) as periods_12m,
            min(case when bills.is_of_use_in_year then bills.period end) as first_period,
            sum(bills.open_amount) as open_amount,
            sum(bills.counted_amount) as counted_amount,
            sum(case when bills.is_past_due then bills.open_amount else 0 end) as overdue_amount,
            max(case when bills.open_amount > 0 then bills.days_past_due else 0 end) as max_days_overdue,
            max(bills.mean_bill) as mean_bill,
            sum(bills.pursued_amount) as pursued_amount,
            count(case when bills.pursued_amount > 0 then 1 end) as pursued_bills,
            {#- As old as the bill that, from the oldest on, brings the sum to what is pursued. #}
            max(
                case
                    when
                        bills.pursued_amount > 0
                        and bills.pursued_by_then >= {{ pursued_from('bills', 'bills.mean_bill') }}
                        then bills.days_past_due
                end
            ) as pursued_days_overdue,
            {#- Of what is not due yet: the day of the bill that brings the sum to what is pursued. #}
            min(
                case
                    when
                        not bills.is_past_due
                        and bills.counted_amount > 0
                        and bills.coming_by_then >= {{ pursued_from('bills', 'bills.mean_bill') }}
                        then bills.due_on
                end
            ) as next_due_on,
            max(case when bills.is_of_use_in_year then bills.period end) as last_period
        from (
            select
                judged.*,
                {%- for months in months_within_year %}
                judged.is_due_in_12m and judged.due_on > dates.{{ window_start(months) }} as is_due_in_{{ months }}m,
                {%- endfor %}
                judged.days_late * judged.judged_amount as amount_days_late,
                2 * judged.paid_part >= judged.judged_amount as is_half_paid,
                {{ recency(months_after('judged.due_on', 'scope.as_of_date')) }} as recency,
                {#- Spark takes no aggregate that mixes columns of bills with those of the date. #}
                dates.pursued_from,
                dates.pursued_share_of_bill,
                {{ ratio(
                    'sum(case when judged.is_issued_in_year then judged.standing_amount end) over ()',
                    'count(case when judged.is_issued_in_year then judged.standing_amount end) over ()'
                ) }} as mean_bill,
                max(case when judged.is_due_in_12m and judged.days_late > 0 then judged.due_on end) over ()
                    as last_late_due_on,
                max(
                    case
                        when judged.is_due_in_12m and judged.is_in_time and judged.worst_of_day = 0
                            then judged.due_on
                    end
                ) over () as last_in_time_due_on
            from (
                select
                    stood.*,
                    {{ is_in_time }} as is_in_time,
                    {{ days_late }} as days_late,
                    {{ is_due }} as is_due_in_12m,
                    case
                        when stood.settled_on is not null then stood.judged_amount
                        else least(stood.paid_amount, stood.judged_amount)
                    end as paid_part,
                    stood.due_on < scope.as_of_date as is_past_due,
                    {{ days_after('stood.due_on', 'scope.as_of_date') }} as days_past_due,
                    {{ pursued }} as pursued_amount,
                    {#- A day on which any bill is late is no day in time. #}
                    max(case when {{ is_due }} then {{ days_late }} end) over (partition by stood.due_on)
                        as worst_of_day,
                    sum({{ pursued }}) over (order by stood.due_on) as pursued_by_then,
                    sum(stood.counted_amount - {{ pursued }}) over (order by stood.due_on) as coming_by_then
                from (
                    select
                        balances.due_on,
                        balances.period,
                        balances.issued_month_bit,
                        balances.settled_on,
                        balances.paid_amount,
                        balances.paid_in_time,
                        balances.open_amount,
                        balances.disputed_amount,
                        balances.judged_amount - {{ set_aside }} as judged_amount,
                        balances.open_amount - {{ set_aside }} as counted_amount,
                        balances.amount - balances.credited_amount as standing_amount,
                        balances.written_off_amount - balances.recovered_amount as written_off_part,
                        {{ is_issued_in_year }} as is_issued_in_year,
                        {#- Regular bills alone have a period: one for a theft says nothing of a month's cost. #}
                        {{ is_of_use }} as is_of_use_in_year,
                        lag(balances.period) over (partition by {{ is_of_use }} order by balances.period nulls first)
                            as period_before
                    from {{ ref('bill_balance') }} as balances
                    where
                        balances.customer_id = scope.customer_id
                        and balances.valid_from <= scope.as_of_date
                        and balances.valid_to > scope.as_of_date
                        and (
                            balances.open_amount > 0
                            or balances.due_on > dates.year_before
                            or balances.issued_on > dates.year_before
                        )
                ) as stood
            ) as judged
        ) as bills
    ) as figures

),

bounced as (

    select
        scope.as_of_date,
        scope.customer_id,
        {%- for months in months_within_year %}
        greatest(
            sum(
                case
                    when returned_payments.returned_on > dates.{{ window_start(months) }}
                        then returned_payments.returns
                    else 0
                end
            ),
            0
        ) as bounced_{{ months }}m,
        {%- endfor %}
        greatest(sum(returned_payments.returns), 0) as bounced_12m
    from scope
    inner join dates
        on scope.as_of_date = dates.as_of_date
    inner join returned_payments
        on
            scope.customer_id = returned_payments.customer_id
            and returned_payments.returned_on > dates.year_before
            and returned_payments.returned_on <= scope.as_of_date
    group by scope.as_of_date, scope.customer_id

),

-- Who is billed once a year has one bill in it: the one before says for how many months it is. Bills a month apart
-- cannot be closer, and of these customers nothing more is read.
preceded as (

    select
        all_figures.*,
        least(
            all_figures.months_between_bills, {{ months_after('earlier.last_period', 'all_figures.first_period') }}
        ) as months_apart
    from all_figures
    cross join lateral (  -- noqa: ST05
        select max(balances.period) as last_period
        from {{ ref('bill_balance') }} as balances
        where
            coalesce(all_figures.months_between_bills, 2) > 1
            and balances.customer_id = all_figures.customer_id
            and balances.valid_from <= all_figures.as_of_date
            and balances.valid_to > all_figures.as_of_date
            and balances.period < all_figures.first_period
            and balances.credited_amount < balances.amount
    ) as earlier

),

-- More than a year and a quarter is a gap, and says nothing of a bill.
spaced as (

    select
        *,
        case when months_apart <= {{ most_months }} then months_apart end as known_months_per_bill
    from preceded

),

-- A bill is for the months up to the next one's, the last for as many as lie between two bills at least. At most a year
-- and a quarter, or what the bills are for by that: one for use of long ago, issued only now, covers no years.
covered as (

    select
        *,
        coalesce(known_months_per_bill, 1) as months_per_bill,
        least(
            {{ months_after('first_period', 'last_period') }} + coalesce(known_months_per_bill, 1),
            greatest(periods_12m * coalesce(known_months_per_bill, 1), {{ most_months }})
        ) as months_covered_12m
    from spaced

),

behaviour as (

    select
        covered.as_of_date,
        covered.customer_id,
        {%- for name in measured_features() %}
        covered.{{ name }},
        {%- endfor %}
        cast(covered.on_time_rate_3m - covered.on_time_rate_12m as numeric(18, 4)) as on_time_trend,
        cast(covered.avg_days_late_3m - covered.avg_days_late_12m as numeric(18, 2)) as days_late_trend,
        case when covered.bills_due_12m > 0 then covered.late_streak end as late_streak,
        case when covered.bills_due_12m > 0 then covered.on_time_streak end as on_time_streak,
        {{ months_after('covered.last_late_due_on', 'covered.as_of_date') }} as months_since_late,
        cast(
            {{
                rounded(
                    ratio('sqrt(cast(covered.squared_spread as numeric(18, 0)))', 'covered.bills_due_12m'), 2
                )
            }}
            as numeric(18, 2)
        ) as days_late_spread_12m,
        covered.bills_due_12m,
        covered.months_billed_12m,
        cast({{ rounded_ratio('covered.pursued_amount', 'covered.open_amount', 4) }} as numeric(18, 4))
            as overdue_share,
        cast({{ rounded_ratio('covered.disputed_amount', 'covered.open_amount', 4) }} as numeric(18, 4))
            as disputed_share,
        cast(
            case
                when covered.counted_amount = 0 then 0
                when covered.billed_12m > 0
                    then {{
                        rounded_ratio(
                            product('covered.counted_amount', 'covered.months_covered_12m'),
                            'covered.billed_12m',
                            2
                        )
                    }}
                when covered.counted_amount > 0 then 99
            end as numeric(18, 2)
        ) as open_months,
        cast(
            case
                when covered.billed_12m > 0
                    then {{
                        rounded_ratio(
                            product('covered.largest_bill', 'covered.bills_12m'),
                            'covered.billed_12m',
                            2
                        )
                    }}
            end as numeric(18, 2)
        ) as bill_spread_12m,
        cast(case
            -- What is too small to be pursued is no debt to warn of.
            when covered.pursued_amount < covered.pursued_from then 0
            when covered.billed_12m > 0
                then
                    {#- In one division: a mean rounded on the way could tip a figure that stands on an edge. #}
                    {{
                        rounded_ratio(
                            product('covered.pursued_amount', 'covered.months_covered_12m'),
                            'covered.billed_12m',
                            2
                        )
                    }}
            -- A debt with nothing billed in a year is worse than any number of months.
            when covered.pursued_amount > 0 then 99
        end as numeric(18, 2)) as overdue_months,
        {%- for months in payment_windows() %}
        case when covered.bills_due_12m > 0 then coalesce(bounced.bounced_{{ months }}m, 0) end
            as bounced_{{ months }}m,
        {%- endfor %}
        cast(coalesce(covered.open_amount, 0) as numeric(18, 2)) as open_amount,
        cast(coalesce(covered.counted_amount, 0) as numeric(18, 2)) as counted_amount,
        cast(coalesce(covered.overdue_amount, 0) as numeric(18, 2)) as overdue_amount,
        cast({{ rounded_ratio('covered.billed_12m', 'covered.months_covered_12m', 2) }} as numeric(18, 2))
            as mean_monthly_bill,
        coalesce(covered.max_days_overdue, 0) as max_days_overdue,
        coalesce(covered.pursued_days_overdue, 0) as pursued_days_overdue,
        case when covered.pursued_amount >= covered.pursued_from then covered.pursued_bills else 0 end
            as pursued_bills,
        covered.pursued_from,
        covered.overdue_bills,
        covered.next_due_on,
        covered.last_period,
        covered.months_covered_12m,
        covered.months_per_bill,
        covered.known_months_per_bill is not null as is_months_per_bill_known
    from covered
    left join bounced
        on
            covered.as_of_date = bounced.as_of_date
            and covered.customer_id = bounced.customer_id

)

select * from behaviour

{% macro bills_then() -%}
    {#-
        The columns and conditions that show a scope's bills as they stood: to be read for one customer and date at a time. Bills
        that are neither open nor of the last year are in no figure. What is open and disputed is set aside, unless the
        policy of the date (`dates`) counts it: the whole bill where nothing else of it is open. A bill of which less than is
        pursued was not paid in time, and less than the policy's share, is not late, whenever the rest comes.
    -#}
    {%- set set_aside = '(case when dates.dispute_counts_in_rating then 0 else balances.disputed_amount end)' %}
    {%- set is_set_aside = '(balances.open_amount > 0 and balances.open_amount = ' ~ set_aside ~ ')' %}
    {%- set judged = '(balances.judged_amount - ' ~ set_aside ~ ')' %}
    {%- set share = product('dates.late_share_of_bill', judged) %}
    {%- set late_from = 'least(dates.pursued_from, coalesce(' ~ share ~ ', dates.pursued_from))' %}
    {%- set is_in_time = judged ~ ' - balances.paid_in_time < ' ~ late_from %}
    {%- set is_issued_in_year = 'balances.issued_on > scope.year_before'
        ~ ' and balances.credited_amount < balances.amount' %}
    select
        balances.bill_id,
        {{ judged }} as judged_amount,
        balances.amount - balances.credited_amount as standing_amount,
        balances.paid_in_time,
        case
            when balances.settled_on is not null then {{ judged }}
            else least(balances.paid_amount, {{ judged }})
        end as paid_part,
        balances.written_off_amount - balances.recovered_amount as written_off_part,
        balances.open_amount,
        balances.disputed_amount,
        balances.open_amount - {{ set_aside }} as counted_amount,
        {{ is_in_time }} as is_in_time,
        case
            when {{ is_in_time }} then 0
            else {{ days_after('balances.due_on', 'coalesce(balances.settled_on, scope.as_of_date)') }}
        end as days_late,
        balances.issued_month_bit,
        balances.period,
        balances.due_on,
        {%- for months in payment_windows() %}
        balances.due_on > scope.{{ window_start(months) }} and balances.due_on <= scope.as_of_date and {{ judged }} > 0
        and not {{ is_set_aside }} as is_due_in_{{ months }}m,
        {%- endfor %}
        {{ months_after('balances.due_on', 'scope.as_of_date') }} as months_since_due,
        {{ is_issued_in_year }} as is_issued_in_year,
        {#- Regular bills alone have a period: one that charges what was stolen says nothing of what a month costs. #}
        {{ is_issued_in_year }} and balances.period is not null as is_of_use_in_year
    from {{ ref('bill_balance') }} as balances
    where
        balances.customer_id = scope.customer_id
        and balances.valid_from <= scope.as_of_date
        and balances.valid_to > scope.as_of_date
        and (
            balances.open_amount > 0
            or balances.due_on > scope.year_before
            or balances.issued_on > scope.year_before
        )
{%- endmacro %}

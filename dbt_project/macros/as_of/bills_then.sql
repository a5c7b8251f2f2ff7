{% macro bills_then(scope, loose_cash) -%}
    {#-
        The columns and joins that show a scope's bills as they stood: to be read for one customer and date at a time.
        With `loose_cash` (the relation's name), what loose cash paid counts too.
    -#}
    {%- set settled_on = 'coalesce(states.settled_on, cash.settled_on)' if loose_cash else 'states.settled_on' -%}
    {%- set paid = 'states.paid_amount + coalesce(cash.paid_amount, 0)' if loose_cash else 'states.paid_amount' -%}
    {%- set in_time = 'states.paid_in_time + coalesce(cash.paid_in_time, 0)' if loose_cash else 'states.paid_in_time' -%}
    select
        states.bill_id,
        states.amount,
        {{ paid }} as paid_amount,
        least({{ in_time }}, {{ paid }}) as paid_in_time,
        greatest(states.amount - ({{ paid }}), 0) as open_amount,
        {{ days_after('states.due_on', 'coalesce(' ~ settled_on ~ ', scope.as_of_date)') }} as days_late,
        states.issued_on,
        states.issued_month_bit,
        states.period,
        states.due_on,
        {{ settled_on }} as settled_on,
        states.due_on > scope.year_before and states.due_on <= scope.as_of_date as is_due_in_year,
        states.issued_on > scope.year_before as is_issued_in_year
    from {{ ref('bill_state') }} as states
    {%- if loose_cash %}
    left join {{ ref(loose_cash) }} as cash
        on
            cash.customer_id = scope.customer_id
            and states.bill_id = cash.bill_id
            {{ 'and cash.as_of_date = scope.as_of_date' if is_past(scope) }}
    {%- endif %}
    where
        states.customer_id = scope.customer_id
        and states.issued_on <= scope.as_of_date
        and states.valid_from <= scope.as_of_date
        and states.valid_to > scope.as_of_date
        and ({{ settled_on }} is null or states.due_on > scope.year_before)
{%- endmacro %}

{% macro open_bills_by_date() -%}
    {#- What is open on each date whose totals are counted anew: the last day's and the month-ends' twin as one. -#}
    select
        dates.as_of_date,
        dates.policy_version,
        bills.customer_id,
        bills.due_on,
        bills.open_amount
    from {{ ref('open_bill') }} as bills
    cross join {{ ref('touched_date') }} as dates
    where dates.is_latest

    union all

    select
        dates.as_of_date,
        dates.policy_version,
        bills.customer_id,
        bills.due_on,
        bills.open_amount
    from {{ ref('open_bill_at_month_end') }} as bills
    inner join {{ ref('touched_date') }} as dates
        on bills.as_of_date = dates.as_of_date
    where not dates.is_latest
{%- endmacro %}

{% macro open_bills_by_date() -%}
    {#- What is open on each date whose totals this run counts. -#}
    select
        dates.as_of_date,
        dates.policy_version,
        bills.customer_id,
        bills.due_on,
        bills.open_amount
    from {{ ref('open_bill') }} as bills
    inner join {{ ref('touched_date') }} as dates
        on bills.as_of_date = dates.as_of_date
{%- endmacro %}

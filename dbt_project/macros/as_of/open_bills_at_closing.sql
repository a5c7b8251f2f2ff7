{% macro open_bills_at_closing() -%}
    {#- What is open at each month-end, and on the last day where that ends its month. -#}
    select
        as_of_date,
        bill_id,
        open_amount
    from {{ ref('open_bill_at_month_end') }}

    union all

    select
        dates.as_of_date,
        bills.bill_id,
        bills.open_amount
    from {{ ref('open_bill') }} as bills
    cross join {{ ref('touched_date') }} as dates
    where
        dates.is_latest
        and not {{ is_running_month('dates.as_of_date') }}
{%- endmacro %}

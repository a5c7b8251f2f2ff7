{% macro account_columns() -%}
    {#- The columns that the accounts of the last day and of month-ends have in common, as they are published. -#}
    cast(open_amount as numeric(18, 2)) as open_amount,
        cast(not_due_amount as numeric(18, 2)) as not_due_amount,
        cast(overdue_amount as numeric(18, 2)) as overdue_amount,
        cast(max_days_overdue as integer) as max_days_overdue,
        cast(disputed_amount as numeric(18, 2)) as disputed_amount,
        cast(disputed_overdue_amount as numeric(18, 2)) as disputed_overdue_amount,
        cast(credit_balance as numeric(18, 2)) as credit_balance,
        cast(written_off_amount as numeric(18, 2)) as written_off_amount,
        cast(recovered_amount as numeric(18, 2)) as recovered_amount,
        cast(unexplained_amount as numeric(18, 2)) as unexplained_amount,
        cast(last_paid_on as date) as last_paid_on,
        cast(last_paid_amount as numeric(18, 2)) as last_paid_amount
{%- endmacro %}

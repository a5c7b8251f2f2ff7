{% macro credit_balances_by_date() -%}
    {#- Credit that pays no bill, of each account, on each date whose totals are counted: what there is less what bills take of it. -#}
    select
        dates.as_of_date,
        credits.customer_id,
        credits.credit as credit_balance
    from {{ ref('credit_step') }} as credits
    inner join {{ ref('touched_date') }} as dates
        on
            dates.as_of_date >= credits.valid_from
            and dates.as_of_date < credits.valid_to

    union all

    select
        dates.as_of_date,
        balances.customer_id,
        balances.excess_amount - balances.allocated_amount as credit_balance
    from {{ ref('allocation') }} as balances
    inner join {{ ref('touched_date') }} as dates
        on
            dates.as_of_date >= balances.valid_from
            and dates.as_of_date < balances.valid_to
    where balances.excess_amount <> balances.allocated_amount
{%- endmacro %}

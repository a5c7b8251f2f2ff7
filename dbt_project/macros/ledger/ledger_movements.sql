{% macro ledger_movements(first_day=none, last_day=none) -%}
    {#-
        All that moves a customer's account, of the imports `bills`, `reversed_bills`, `payments`, `bounced_payments` and
        `write_offs`: a reversal on the day it happened. Between two days, if given.
    -#}
    {%- set kinds = [
        ('bills', 'issued_on', 'amount', '0', '0'),
        ('reversed_bills', 'reversed_on', '-amount', '0', '0'),
        ('payments', 'paid_on', '0', 'amount', '0'),
        ('bounced_payments', 'reversed_on', '0', '-amount', '0'),
        ('write_offs', 'acted_on', '0', '0', 'amount'),
    ] -%}
    {%- for relation, moved_on, billed, collected, written_off in kinds %}
    select
        customer_id,
        {{ moved_on }} as moved_on,
        {{ billed }} as billed,
        {{ collected }} as collected,
        {{ written_off }} as written_off
    from {{ relation }}
    {%- if first_day %}
    where
        {{ moved_on }} >= {{ first_day }}
        and {{ moved_on }} <= {{ last_day }}
    {%- endif %}
    {%- if not loop.last %}

    union all
    {% endif %}
    {%- endfor %}
{%- endmacro %}

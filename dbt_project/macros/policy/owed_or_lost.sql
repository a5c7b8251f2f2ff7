{% macro owed_or_lost(balances) -%}
    {#- What nobody has paid of a bill: open, or written off and not recovered. -#}
    {{ balances }}.open_amount + {{ balances }}.written_off_amount - {{ balances }}.recovered_amount
{%- endmacro %}

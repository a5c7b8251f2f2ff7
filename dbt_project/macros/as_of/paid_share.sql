{% macro paid_share(condition) -%}
    {#- Of what was open in the rows of `shares` that meet a condition, the share that was paid; none of nothing. -#}
    {{ return(ratio(
        'sum(case when ' ~ condition ~ ' then shares.paid_amount end)', 'sum(case when ' ~ condition ~ ' then shares.open_amount end)'
    )) }}
{%- endmacro %}

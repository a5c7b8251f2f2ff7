{% macro late_charge(days, accrued, least) -%}
    {#- What so many days have cost, to the cent and at least the least; days that cost nothing yet owe no least. -#}
    cast(case when {{ days }} = 0 then 0 else greatest(round({{ accrued }}, 2), {{ least }}) end as numeric(18, 2))
{%- endmacro %}

{% macro if_charged(amount, places) -%}
    {#- An amount of a `judged` bill that is charged for, else 0. -#}
    cast(case when judged.is_charged then {{ amount }} else 0 end as numeric(18, {{ places }}))
{%- endmacro %}

{#-
    What of a bill's open amount fell between two dates by write-offs and credit notes, and not by payments. Few bills
    have any, so only these are looked up.
-#}

{% macro reduced_bills() -%}
    {#- The CTEs of bills that are written off or credited, once for each of two dates. -#}
reduced_then as (

    select * from {{ ref('bill_balance') }}
    where
        written_off_amount > 0
        or credited_amount > 0

),

reduced_now as (

    select * from {{ ref('bill_balance') }}
    where
        written_off_amount > 0
        or credited_amount > 0

)
{%- endmacro %}

{% macro join_reduced(bills, earlier, later) -%}
    left join reduced_then
        on
            {{ bills }}.bill_id = reduced_then.bill_id
            and {{ bills }}.{{ earlier }} >= reduced_then.valid_from
            and {{ bills }}.{{ earlier }} < reduced_then.valid_to
    left join reduced_now
        on
            {{ bills }}.bill_id = reduced_now.bill_id
            and {{ bills }}.{{ later }} >= reduced_now.valid_from
            and {{ bills }}.{{ later }} < reduced_now.valid_to
{%- endmacro %}

{% macro reduced_parts(fallen) -%}
    {#- Of what fell, first what was written off and not recovered, then what was credited. -#}
    {%- set written_off %}
            coalesce(reduced_now.written_off_amount - reduced_now.recovered_amount, 0)
            - coalesce(reduced_then.written_off_amount - reduced_then.recovered_amount, 0)
    {%- endset %}
    {%- set written_off_part = 'least(greatest(' ~ written_off ~ ', 0), ' ~ fallen ~ ')' %}
    {{ written_off_part }} as written_off_part,
    least(
            greatest(
                coalesce(reduced_now.credited_amount, 0) - coalesce(reduced_then.credited_amount, 0), 0
            ),
            {{ fallen }} - {{ written_off_part }}
        ) as credited_part
{%- endmacro %}

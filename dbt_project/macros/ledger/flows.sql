{% macro flow_amounts(movements) -%}
    {#- A movement's amount under the flow that its kind belongs to. -#}
    case when {{ movements }}.kind = 'bill' then {{ movements }}.amount else 0 end as billed,
        case when {{ movements }}.kind = 'credit' then {{ movements }}.amount else 0 end as credited,
        case when {{ movements }}.kind = 'payment' then {{ movements }}.amount else 0 end as collected,
        case when {{ movements }}.kind = 'return' then {{ movements }}.amount else 0 end as returned,
        case when {{ movements }}.kind = 'refund' then {{ movements }}.amount else 0 end as refunded,
        {{ movements }}.unexplained_amount as unexplained
{%- endmacro %}

{% macro paid_mark(movements) -%}
    {#- Of a payment that serves the account for good: its day and number, so that the greatest is the newest payment's. -#}
    case
        when {{ movements }}.kind = 'payment' and {{ movements }}.amount > 0 and not {{ movements }}.is_passing
            then cast({{ movements }}.paid_on as {{ dbt.type_string() }}) || {{ movements }}.fact_id
    end
{%- endmacro %}

{% macro net_of_flows(relation=none) -%}
    {#- What flows leave: what is open less what is credit. The columns are a relation's, if it is named. -#}
    {%- set of = relation ~ '.' if relation else '' -%}
    {{ of }}billed - {{ of }}credited - {{ of }}collected + {{ of }}returned + {{ of }}refunded - {{ of }}written_off + {{ of }}recovered
{%- endmacro %}

{% macro account_flows() -%}
    {#- All that moves accounts, of the imports `movements` and `write_off_changes`, each amount under its flow. -#}
    select
        movements.account_id as customer_id,
        movements.moved_on,
        {{ flow_amounts('movements') }},
        0 as written_off,
        0 as recovered,
        {{ paid_mark('movements') }} as paid_mark
    from movements

    union all

    select
        customer_id,
        moved_on,
        0 as billed,
        0 as credited,
        0 as collected,
        0 as returned,
        0 as refunded,
        0 as unexplained,
        written_off,
        recovered,
        null as paid_mark
    from write_off_changes
{%- endmacro %}

{% macro net_received() -%}
    {#- What `movements` of the kinds payment and return brought, net. -#}
    sum(case movements.kind when 'payment' then movements.amount else -movements.amount end)
{%- endmacro %}

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
        when {{ movements }}.kind = 'payment' and {{ movements }}.amount > 0 and ({{ movements }}.bill_id is not null or not {{ movements }}.is_passing)
            then cast({{ movements }}.paid_on as {{ dbt.type_string() }}) || {{ movements }}.fact_id
    end
{%- endmacro %}

{% macro net_of_flows(flows) -%}
    {#- What flows leave: what is open less what is credit. -#}
    {{ flows }}.billed - {{ flows }}.credited - {{ flows }}.collected + {{ flows }}.returned + {{ flows }}.refunded - {{ flows }}.written_off + {{ flows }}.recovered
{%- endmacro %}

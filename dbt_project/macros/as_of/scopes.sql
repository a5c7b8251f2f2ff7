{#-
    The models that answer "as of a date" are made for three scopes: `customer_scope` of the last day, `month_end_scope` of
    the month-ends before it, `warning_day_scope` of the days between on which a warning may have come or gone. Those of
    past days have the date in their key.
-#}

{% macro is_past(scope) -%}
    {{ return(scope != 'customer_scope') }}
{%- endmacro %}

{% macro of_scope(model, scope) -%}
    {#- The name of a model's sibling that is made for a scope. -#}
    {{ return(model ~ {'month_end_scope': '_at_month_end', 'warning_day_scope': '_on_warning_day'}.get(scope, '')) }}
{%- endmacro %}

{% macro of_this_run(model, scope) -%}
    {#-
        The rows of a model's sibling; of days looked at for warnings, and of the last day where the model is no view of
        everybody, those of this run alone, so that it costs what the run looks at.
    -#}
    {%- set is_of_everybody = scope == 'customer_scope' and config.get('materialized') == 'view' -%}
    {%- if scope != 'month_end_scope' and not is_of_everybody -%}
    select rows_of_run.*
    from {{ ref(scope) }} as scope
    inner join {{ ref(of_scope(model, scope)) }} as rows_of_run
        on
            scope.customer_id = rows_of_run.customer_id
            {{ 'and scope.as_of_date = rows_of_run.as_of_date' if is_past(scope) }}
    {%- else -%}
    select * from {{ ref(of_scope(model, scope)) }}
    {%- endif -%}
{%- endmacro %}

{% macro date_of(scope, relation='') -%}
    {#- The date among the columns of a select, where the scope is of past days. -#}
    {{ return(((relation ~ '.' if relation else '') ~ 'as_of_date,') if is_past(scope) else '') }}
{%- endmacro %}

{% macro dates_of(scope) -%}
    {#- The dates of a scope. -#}
    {%- if scope == 'warning_day_scope' -%}
    select * from {{ ref('warning_date') }}
    {%- else -%}
    select * from {{ ref('as_of_date') }}
    where {{ 'not is_latest' if is_past(scope) else 'is_latest' }}
    {%- endif -%}
{%- endmacro %}

{% macro dated(requested) -%}
    {#- Of each requested date the policy in force and the days that windows are counted from. -#}
    select
        requested.as_of_date,
        policies.policy_version,
        policies.new_customer_months,
        policies.pursued_from,
        policies.pursued_share_of_bill,
        policies.dispute_counts_in_rating,
        cast({{ dbt.date_trunc('month', 'requested.as_of_date') }} as date) as month_start,
        cast({{ dbt.dateadd('month', -12, 'requested.as_of_date') }} as date) as year_before,
        cast({{ dbt.dateadd('day', -1, dbt.date_trunc('month', 'requested.as_of_date')) }} as date)
            as previous_month_end,
        requested.as_of_date = max(requested.as_of_date) over () as is_latest
    from {{ requested }} as requested
    inner join (
        select
            *,
            lead(effective_from) over (order by effective_from) as replaced_from
        from {{ source('policy', 'policies') }}
        where policy_name = '{{ var("policy_name") }}'
    ) as policies
        on
            requested.as_of_date >= policies.effective_from
            and (policies.replaced_from is null or requested.as_of_date < policies.replaced_from)
{%- endmacro %}

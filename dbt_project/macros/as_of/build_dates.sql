{#- Which days a build is of: those that the pipeline passes, else those of the last build; of a first one today. -#}

{% macro as_of_dates() -%}
    {#- The month-ends that a build covers and its last day, in order, as text. -#}
    {%- if var('as_of_dates') -%}
        {{ return(var('as_of_dates')) }}
    {%- endif -%}
    {%- set dates = policy_rows(
        "select cast(unnest(as_of_dates) as text) as as_of_date from lineage.runs where run_id = ("
        ~ "select run_id from lineage.runs where build_began_at is not null and as_of_dates is not null "
        ~ "order by build_began_at desc limit 1) order by as_of_date"
    ) | map(attribute='as_of_date') | list -%}
    {{ return(dates or [run_started_at.date().isoformat()]) }}
{%- endmacro %}

{% macro warned_from() -%}
    {#- The first month-end that warnings are computed from: a year back, or the first one whose predecessor is stored. -#}
    {%- if var('warned_from') -%}
        {{ return(var('warned_from')) }}
    {%- endif -%}
    {%- set dates = as_of_dates() -%}
    {%- set last_day = modules.datetime.date.fromisoformat(dates | last) -%}
    {%- set year_back = (last_day.replace(year=last_day.year - 1, day=1) - modules.datetime.timedelta(days=1)).isoformat() -%}
    {{ return(((dates[:2] if dates | length > 2 else dates[:1]) + [year_back]) | max) }}
{%- endmacro %}

{% macro note_build_by_hand() -%}
    {#- A build that the pipeline knows nothing of may have changed any table: the next night computes everything. -#}
    {%- if execute and flags.WHICH in ('run', 'build') and not env_var('GRIDCREDIT_DBT_BY_PIPELINE', '') -%}
    delete from ops.built; delete from ops.built_layer
    {%- endif -%}
{%- endmacro %}

{#- Recursion whose step looks at all rows of the last one, by window functions, which Spark does not take. -#}

{% macro one_after_the_other(name, before, reads, first, step) -%}
    {#-
        The CTEs `before`, and one of a name that begins with the rows of `first`; `step` makes the next ones of the last
        ones, until there are none. `reads` names those of the CTEs before that the step reads.
    -#}
    {{ return(adapter.dispatch('one_after_the_other', 'gridcredit')(name, before, reads, first, step)) }}
{%- endmacro %}

{% macro default__one_after_the_other(name, before, reads, first, step) %}
with recursive

{{ before }},

{{ name }} as (

    {{ first }}

    union all

    {{ step }}

)
{%- endmacro %}

{% macro spark__one_after_the_other(name, before, reads, first, step) %}
    {#- Each step is a table of its own, made when the model is built. -#}
    {%- set made = [] -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set inputs = [] -%}
        {%- for one in reads -%}
            {%- set input = helper_table(one, 'with ' ~ before ~ ' select * from ' ~ one) -%}
            {%- do inputs.append(one ~ ' as (select * from ' ~ input ~ ')') -%}
        {%- endfor -%}
        {%- do made.append(helper_table(name ~ '_0', 'with ' ~ before ~ ' ' ~ first)) -%}
        {%- set is_over = [] -%}
        {%- for number in range(1, 10000) -%}
            {%- set last = name ~ ' as (select * from ' ~ made[-1] ~ ')' -%}
            {%- set next = helper_table(name ~ '_' ~ number, 'with ' ~ (inputs + [last]) | join(', ') ~ ' ' ~ step) -%}
            {%- if run_query('select 1 as found from ' ~ next ~ ' limit 1').rows -%}
                {%- do made.append(next) -%}
            {%- else -%}
                {%- do is_over.append(true) -%}
                {%- break -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not is_over -%}
            {{ exceptions.raise_compiler_error(name ~ ' does not end within 10,000 steps') }}
        {%- endif -%}
    {%- endif %}
with

{{ before }},

{{ name }} as (
    {% for table in made %}
    select * from {{ table }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ first }}
    {%- endfor %}
)
{%- endmacro %}

{% macro helper_table(name, query) -%}
    {#- A table of the model in the build's own folder, which is gone with it. -#}
    {%- set table = this.incorporate(path={'identifier': this.identifier ~ '__' ~ name}) -%}
    {%- do drop_if_exists(table) -%}
    {%- do run_query(create_spark_table(table) ~ ' as ' ~ query) -%}
    {{ return(table) }}
{%- endmacro %}

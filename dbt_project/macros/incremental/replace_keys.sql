{% macro get_incremental_replace_keys_sql(arg_dict) -%}
    {#-
        Incremental strategy `replace_keys`: of the keys that this run covers, rows that are no more or no longer the
        same go, and those just computed come. `keys_of` says which keys: an extract of raw, `changed_customer`, or one of
        the scopes.
    -#}
    {%- set keys_of = config.require('keys_of') -%}
    {%- set scope = scope_of(keys_of, arg_dict['target_relation']) -%}
    {%- set keys = scope.columns or [config.require('key')] -%}
    {%- set relation = scope.relation or changed_keys(keys_of) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- if keys_of in ('covered_scope', 'touched_date') and var('dropped_dates') %}
    delete from {{ target }}
    where as_of_date in ({{ date_list(var('dropped_dates')) }});
    {%- endif %}
    {%- if keys_of == 'as_of_scope' and var('dropped_dates') %}
    {#- Of a last day that is over there stays whom it was an evaluation day for. #}
    delete from {{ target }} as standing
    where
        as_of_date in ({{ date_list(var('dropped_dates')) }})
        and not exists (
            select 1 from scope.evaluation_day as days
            where
                standing.as_of_date = days.as_of_date
                and standing.customer_id = days.customer_id
        );
    {%- endif %}
    {%- if keys_of == 'as_of_scope' and var('is_new_month') %}
    delete from {{ target }}
    where
        as_of_date < cast('{{ warned_from() }}' as date)
        and as_of_date not in ({{ date_list(as_of_dates()) }});
    {%- endif %}
    {%- if config.get('has_window') and var('dropped_dates') %}
    {#- What was open before the first date is no longer stored: a rebuild could not know what became of it. #}
    delete from {{ target }}
    where opened_on < cast('{{ as_of_dates() | first }}' as date);
    {%- endif %}
    {%- if config.get('is_retained_a_year') and var('is_new_month') %}
    delete from {{ target }}
    where as_of_date < cast('{{ warned_from() }}' as date);
    {%- endif %}

    {{ replace_rows(target, arg_dict['temp_relation'], keys, relation) }}
    {%- if keys_of in ('as_of_scope', 'covered_scope') %};

    {#- A last day that its statistics have not seen would pass for one row. #}
    {{ analyze_relation(target) }}
    {%- endif %}
{%- endmacro %}

{% macro replace_rows(target, computed, keys, answered_for) -%}
    {#- Replace the rows of `target` whose keys are covered by those of `computed`. -#}
    {{ return(adapter.dispatch('replace_rows', 'gridcredit')(target, computed, keys, answered_for)) }}
{%- endmacro %}

{% macro default__replace_rows(target, computed, keys, answered_for) -%}
    delete from {{ target }}
    where ({{ keys | join(', ') }}) in (select {{ keys | join(', ') }} from {{ answered_for }});

    insert into {{ target }}
    select * from {{ computed }}
{%- endmacro %}

{% macro postgres__replace_rows(target, computed, keys, answered_for) -%}
    {#- Rows that stay as they are are not written again: most do, and each would leave a dead one and new index entries. -#}
    {%- set unique_key = (config.get('indexes') | selectattr('unique', 'defined') | first).columns -%}
    {%- set same_key = [] -%}
    {%- for column in unique_key -%}
        {%- do same_key.append('standing.' ~ column ~ ' = computed.' ~ column) -%}
    {%- endfor -%}
    analyze {{ computed }};

    delete from {{ target }} as standing
    where
        (standing.{{ keys | join(', standing.') }}) in (select {{ keys | join(', ') }} from {{ answered_for }})
        and not exists (
            select 1 from {{ computed }} as computed
            where
                {{ same_key | join(' and ') }}
                and row(standing.*) is not distinct from row(computed.*)
        );

    insert into {{ target }}
    select * from {{ computed }} as computed
    where not exists (
        select 1 from {{ target }} as standing
        where {{ same_key | join(' and ') }}
    )
{%- endmacro %}

{% macro date_list(days) -%}
    {%- for day in days -%}
    cast('{{ day }}' as date){{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro scope_of(keys_of, relation) -%}
    {#- What lists the keys that a run covers in a relation, and the columns of the key; neither for an extract of raw. -#}
    {{ return({
        'changed_customer': {'relation': 'ops.changed_customer', 'columns': ['customer_id']},
        'changed_account': {
            'relation': '(select customer_id as account_id from ops.changed_customer) as changed_accounts',
            'columns': ['account_id'],
        },
        'customer_scope': {'relation': 'scope.customer_scope', 'columns': ['customer_id']},
        'moved_scope': {'relation': 'scope.moved_scope', 'columns': ['customer_id']},
        'as_of_scope': {'relation': days_in_scope(relation), 'columns': ['as_of_date', 'customer_id']},
        'covered_scope': {'relation': days_in_scope(relation), 'columns': ['as_of_date', 'customer_id']},
        'evaluation_day': {'relation': days_of_changed_customers(relation), 'columns': ['as_of_date', 'customer_id']},
        'warning_scope': {'relation': 'scope.warning_scope', 'columns': ['customer_id']},
        'finding_scope': {'relation': 'scope.finding_scope', 'columns': ['customer_id']},
        'bill_check_scope': {'relation': 'scope.bill_check_scope', 'columns': ['customer_id']},
        'usage_scope': {'relation': usage_months_in_scope(relation), 'columns': ['customer_id', 'usage_month']},
        'touched_date': {'relation': 'scope.touched_date', 'columns': ['as_of_date']},
    }.get(keys_of, {})) }}
{%- endmacro %}

{% macro days_in_scope(relation) -%}
    {#- The days that a run computes, and those that a relation has of changed customers, some of which may have dropped out. -#}
    (
        select
            as_of_date,
            customer_id
        from scope.as_of_scope
        union
        select
            as_of_date,
            customer_id
        from {{ days_of_changed_customers(relation) }}
    ) as days_in_scope
{%- endmacro %}

{% macro days_of_changed_customers(relation) -%}
    {#- The days that a relation has of changed customers, from the day on from which the change matters. -#}
    (
        select
            days.as_of_date,
            days.customer_id
        from {{ relation }} as days
        inner join scope.change_scope as changed
            on
                days.customer_id = changed.customer_id
                and days.as_of_date >= changed.changed_from
    ) as days_of_changed_customers
{%- endmacro %}

{% macro usage_months_in_scope(relation) -%}
    {#- The months of use that a relation has and that are measured again. -#}
    (
        select
            months.customer_id,
            months.usage_month
        from scope.usage_scope as scope
        inner join {{ relation }} as months
            on
                scope.customer_id = months.customer_id
                and months.usage_month >= scope.measured_from
    ) as months_in_scope
{%- endmacro %}

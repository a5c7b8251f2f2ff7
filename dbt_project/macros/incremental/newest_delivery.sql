{% macro newest_delivery(extract) -%}
    {#-
        Of each key of a raw extract the newest delivery: the file last accepted wins, in it the last line. A key whose
        newest delivery is a tombstone is marked as deleted. A file that lands while a build runs has passed no gate
        yet: the next build reads it. An incremental run reads the keys of new files, and at those whose newest
        delivery was reverted.
    -#}
    {%- set key = config.get('key') %}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }}
                order by _file_id desc, _line_no desc
            ) as delivery_rank
        from {{ source('raw', extract) }}
        where
            _file_id in (select file_id from {{ source('lineage', 'run_files') }})
            {%- if is_incremental() %}
            {%- if var('reverted_files') %}
            and ({{ key }}) in (select {{ key }} from {{ changed_keys(extract) }})
            {%- else %}
            {#- Nothing older than a new file's rows can be newer than they are. #}
            and _file_id in ({{ new_files() }})
            {%- endif %}
            {%- endif %}
    ) as deliveries
    where delivery_rank = 1
{%- endmacro %}

{% macro new_files() -%}
    {#- The files that this run is the first to cover; none has the number -1. -#}
    {{ (var('new_files') or [-1]) | join(', ') }}
{%- endmacro %}

{% macro changed_keys(extract) -%}
    {#- The keys that an incremental run of a staging model replaces. -#}
    {%- set key = config.get('key') %}
    (
        select {{ key }} from {{ source('raw', extract) }}
        where _file_id in ({{ new_files() }})
        {%- if var('reverted_files') %}
        union
        select {{ key }} from {{ this }}
        where _file_id in ({{ var('reverted_files') | join(', ') }})
        {%- endif %}
    ) as changed_keys
{%- endmacro %}

{% macro note_changed_customers(extract, changed_from, customers_of=none, linked_by='meter_id') -%}
    {#-
        Before a staging model replaces rows it notes whose they were and will be, and from which day on they matter,
        in the same transaction. The notes stand until what follows from them is published. Facts of a meter or a plan
        know no customer: `customers_of` is the relation that says whose it is, by its column `linked_by`; notes of
        meters go to a table of their own.
    -#}
    {%- set key = config.get('key') %}
    {%- set owner = 'owners' if customers_of else 'changed' %}
    {%- set owned_by = linked_by if customers_of else 'customer_id' %}
    {%- set notes = source('ops', 'changed_usage' if extract in ('meter', 'meter_reading') else 'changed_customer') %}
    {%- if is_incremental() %}
    insert into {{ notes }} (customer_id, changed_from, extract)
    select
        {{ owner }}.customer_id,
        min(coalesce(changed.changed_from, cast('0001-01-01' as date))) as changed_from,
        '{{ extract }}' as extract
    from (
        select
            {{ owned_by }},
            {{ changed_from }} as changed_from
        from {{ this }}
        where ({{ key }}) in (select {{ key }} from {{ changed_keys(extract) }})
        union all
        select
            {{ owned_by }},
            {{ changed_from }} as changed_from
        from {{ source('raw', extract) }}
        where
            ({{ key }}) in (select {{ key }} from {{ changed_keys(extract) }})
            {%- if not var('reverted_files') %}
            and _file_id in ({{ new_files() }})
            {%- endif %}
    ) as changed
    {%- if customers_of %}
    inner join {{ customers_of }} as owners
        on changed.{{ linked_by }} = owners.{{ linked_by }}
    {%- endif %}
    where {{ owner }}.customer_id is not null
    group by {{ owner }}.customer_id;

    {{ analyze_relation(notes) }}
    {%- endif %}
{%- endmacro %}

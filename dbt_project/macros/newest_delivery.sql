{% macro newest_delivery(extract, key) -%}
    {#-
        The rows of a raw extract of which each is its key's newest delivery: the file last accepted wins,
        in it the last line. A key whose newest delivery is a tombstone is no more. A file that lands while a build runs has passed no gate yet: the next build reads it.
    -#}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key }}
                order by _file_id desc, _line_no desc
            ) as delivery_rank
        from {{ source('raw', extract) }}
        where _file_id in (select file_id from {{ source('lineage', 'run_files') }})
    ) as deliveries
    where
        delivery_rank = 1
        and _deleted is not true
{%- endmacro %}

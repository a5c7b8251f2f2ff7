-- Told once by the load, so that a run learns the last day that facts speak of without reading them all again.
alter table lineage.loads add column newest_fact_on date;
comment on column lineage.loads.newest_fact_on is 'Latest business date of the rows, not after the day they were loaded.';

do $$
begin
    -- A new warehouse has no raw tables yet.
    if to_regclass('raw.bill') is not null then
        update lineage.loads
        set newest_fact_on = facts.newest_fact_on
        from (
            select 'bill' as extract, _file_id, max(issued_on) as newest_fact_on
            from raw.bill where issued_on <= current_date group by _file_id
            union all
            select 'payment', _file_id, max(paid_on)
            from raw.payment where paid_on <= current_date group by _file_id
        ) as facts
        where loads.extract = facts.extract and loads.file_id = facts._file_id;
    end if;
end $$;

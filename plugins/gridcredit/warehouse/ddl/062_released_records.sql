-- The record of a released run is closed whatever a session finds by a mere name, also for a row that is moved to it.
create or replace function lineage.refuse_change_of_released() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (
        select 1 from lineage.releases
        where
            releases.run_id = case when tg_op = 'INSERT' then new.run_id else old.run_id end
            or releases.run_id = case when tg_op = 'DELETE' then old.run_id else new.run_id end
    ) then
        raise exception 'the record of a released run is closed: %.%', tg_table_schema, tg_table_name;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;
alter function lineage.protect set search_path = pg_catalog, pg_temp;
alter function lineage.protect_history set search_path = pg_catalog, pg_temp;

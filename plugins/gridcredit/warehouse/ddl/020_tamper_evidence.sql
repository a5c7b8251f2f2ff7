-- What a release rests on is hashed with it: its run, files, gates, models and approval.
alter table lineage.releases add column lineage_hash text;
comment on column lineage.releases.lineage_hash is 'Hash of the run''s record; null for releases of earlier versions.';

create trigger append_only before update or delete or truncate on lineage.events
for each statement execute function lineage.refuse_change();

create function lineage.refuse_change_of_released() returns trigger
language plpgsql
as $$
begin
    if exists (
        select 1 from lineage.releases where releases.run_id = case when tg_op = 'INSERT' then new.run_id else old.run_id end
    ) then
        raise exception 'the record of a released run is closed: %.%', tg_table_schema, tg_table_name;
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end
$$;

create trigger closed_once_released before insert or update or delete on lineage.run_files
for each row execute function lineage.refuse_change_of_released();
create trigger closed_once_released before insert or update or delete on lineage.gate_results
for each row execute function lineage.refuse_change_of_released();
create trigger closed_once_released before insert or update or delete on lineage.model_results
for each row execute function lineage.refuse_change_of_released();
create trigger closed_once_released before delete or update of as_of_date, code_version, policy_name, as_of_dates, fingerprint,
built_because on lineage.runs
for each row execute function lineage.refuse_change_of_released();

create trigger append_only before delete or truncate or update of file_id, mapping, file_name, sha256, byte_size, loaded_at
on lineage.files
for each statement execute function lineage.refuse_change();
create trigger append_only before delete or truncate or update of extract, rows_read, rows_accepted, rows_quarantined
on lineage.loads
for each statement execute function lineage.refuse_change();

create table policy.files (
    policy_version text not null references policy.policies,
    file_name      text not null,
    content        text not null,
    primary key (policy_version, file_name)
);
comment on table policy.files is 'The files of a policy as they were loaded: what its hash was made of.';

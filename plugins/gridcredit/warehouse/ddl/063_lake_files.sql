-- The files of the lake, each as often as it was written.
create table lineage.lake_files (
    lake_file_id bigint generated always as identity primary key,
    file_id      bigint not null,
    extract      text not null,
    rows         bigint not null check (rows >= 0),
    bytes        bigint not null,
    sha256       text not null,
    because      text not null check (because in ('loaded', 'copied')),
    written_at   timestamptz not null default clock_timestamp(),
    foreign key (file_id, extract) references lineage.loads
);
create index lake_files_of_load on lineage.lake_files (file_id, extract);
comment on table lineage.lake_files is
'Files that were written to the lake, one for each extract of a load; the newest counts. What is there no longer was reverted, retired or erased.';
comment on column lineage.lake_files.because is
'Whether it was written while its file was loaded, or copied out of raw later.';
create trigger append_only before update or delete or truncate on lineage.lake_files
for each statement execute function lineage.refuse_change();

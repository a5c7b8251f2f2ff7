-- Where a file of the lake was written: erasure names the places that the settings name no longer.
alter table lineage.lake_files add column place text not null default '';
alter table lineage.lake_files alter column place drop default;
comment on column lineage.lake_files.place is
'The folder or URL of the lake, without a password; empty for files written before this was recorded.';

-- An undone load keeps its record; the same content may then be delivered again.
alter table lineage.files add column undone_at timestamptz;
alter table lineage.files add column undone_because text;
alter table lineage.files drop constraint files_mapping_sha256_key;
create unique index files_in_force on lineage.files (mapping, sha256) where undone_at is null;

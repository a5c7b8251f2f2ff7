alter table lineage.files add column unused_columns text[] not null default '{}';
comment on column lineage.files.unused_columns is 'Columns of the file that no extract reads: new ones show up here; their values stay in the archived file.';
alter table lineage.loads add column missing_columns text[] not null default '{}';
comment on column lineage.loads.missing_columns is 'Optional columns of the extract that the file did not have.';

alter table lineage.loads add column notes text[] not null default '{}';
comment on column lineage.loads.notes is 'What a person should look at, in words: values that fit another convention better, sheets that were not read.';

alter table lineage.erasures add column files_not_searched text[] not null default '{}';
comment on column lineage.erasures.files_not_searched is 'Stored files whose content cannot be read: a person decides about them.';

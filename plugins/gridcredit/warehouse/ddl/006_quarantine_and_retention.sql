-- What a quarantined row needs to be repaired and sent again, and to be found again once it was.
alter table lineage.files add column header text[];
comment on column lineage.files.header is 'The file''s column names, in order; null for loads of earlier versions.';
alter table quarantine.rows add column resubmitted_in bigint references lineage.files;
comment on column quarantine.rows.resubmitted_in is 'The load in which the repaired row came again; there it was accepted, or quarantined once more.';

-- A retired load has left raw because its time was up; its record stays.
alter table lineage.loads add column retired_at timestamptz;
comment on column lineage.loads.retired_at is 'When retention took the rows out of raw.';

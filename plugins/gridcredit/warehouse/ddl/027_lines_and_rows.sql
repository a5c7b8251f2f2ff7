-- A line may make several rows of an extract: lines read = used + quarantined + set aside. Unknown of older loads.
alter table lineage.loads
add column lines_read bigint,
add column lines_used bigint,
add column lines_quarantined bigint,
add column set_aside jsonb not null default '{}';
comment on column lineage.loads.rows_read is 'Rows made of the lines, and lines that are no record: accepted + quarantined + filtered + repeated.';
comment on column lineage.loads.lines_read is 'Lines of the file: those used, those quarantined, and the rest, which the mapping set aside.';
comment on column lineage.loads.set_aside is 'Rows that each condition of the mapping set aside.';

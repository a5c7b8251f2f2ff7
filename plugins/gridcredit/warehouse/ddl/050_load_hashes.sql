-- What a load brought into raw, as one number: rows that were changed since are found by computing it again.
create table lineage.load_hashes (
    hash_id      bigint generated always as identity primary key,
    file_id      bigint not null,
    extract      text not null,
    columns      text[] not null,
    rows         bigint not null,
    row_hash_sum numeric not null,
    because      text not null check (because in ('loaded', 'hashed later', 'erased')),
    erasure_id   bigint references lineage.erasures,
    recorded_at  timestamptz not null default clock_timestamp(),
    foreign key (file_id, extract) references lineage.loads,
    check ((because = 'erased') = (erasure_id is not null))
);
create unique index load_hashes_once on lineage.load_hashes (file_id, extract) where because <> 'erased';
comment on table lineage.load_hashes is 'The hash of each load''s rows in raw; the newest counts.';
comment on column lineage.load_hashes.columns is 'The columns hashed, in order: all but numbers of persons, which are stored salted.';
comment on column lineage.load_hashes.row_hash_sum is
'Sum over the rows of hashtextextended(hash_record_extended(row(columns), 0)::text, 0).';
comment on column lineage.load_hashes.because is
'When it was computed: with the load, later for loads of earlier versions, or after an erasure, which changes names.';
create trigger append_only before update or delete or truncate on lineage.load_hashes
for each statement execute function lineage.refuse_change();

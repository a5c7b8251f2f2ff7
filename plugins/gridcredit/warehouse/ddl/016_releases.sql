-- A release's content by table: the sum of its rows' hashes follows from the one before and the rows that came and went, so
-- it costs what changed; the same rows have the same sum on any machine, in whatever order. Columns that were added later
-- are null in older rows, and last: without them the text of a row stays as it was.
create function lineage.row_hash(row_text text) returns numeric
language sql immutable parallel safe
return ('x' || substr(md5(rtrim(row_text, ',)')), 1, 16))::bit(64)::bigint::numeric;

create table lineage.release_tables (
    release      bigint not null references lineage.releases,
    table_name   text not null,
    rows         bigint not null,
    row_hash_sum numeric not null,
    primary key (release, table_name)
);

-- Each release's hash covers the one before: what was published cannot be changed unnoticed.
alter table lineage.releases
    add column chain_hash     text,
    add column rolled_back_to bigint references lineage.releases,
    add column approver       text,
    add column reason         text;

create function lineage.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name;
end
$$;

create trigger append_only before update or delete or truncate on lineage.releases
for each statement execute function lineage.refuse_change();
create trigger append_only before update or delete or truncate on lineage.release_tables
for each statement execute function lineage.refuse_change();

create or replace view published.release as
select
    release,
    as_of_date,
    published_at,
    rows_opened,
    rows_closed,
    chain_hash,
    rolled_back_to,
    approver,
    reason
from lineage.releases;

alter table lineage.runs drop constraint runs_status_check;
alter table lineage.runs add constraint runs_status_check
check (status in ('running', 'published', 'unchanged', 'failed', 'rolled back'));

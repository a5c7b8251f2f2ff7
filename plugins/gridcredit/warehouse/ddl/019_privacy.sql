create table lineage.erasures (
    erasure_id    bigint generated always as identity primary key,
    customer_id   text not null,
    approver      text not null,
    reason        text not null,
    raw_rows      bigint not null,
    quarantined   bigint not null,
    files_redacted text[] not null,
    files_removed text[] not null,
    erased_at     timestamptz not null default clock_timestamp()
);
comment on table lineage.erasures is 'Whose names and numbers were erased on request; what comes in later of the customer is kept without them.';
create trigger append_only before update or delete or truncate on lineage.erasures
for each statement execute function lineage.refuse_change();

-- A decision lets through what was shown to who decided, and a run that fails otherwise later needs another.
alter table lineage.approvals drop constraint approvals_pkey;
alter table lineage.approvals add column approval_id bigint generated always as identity primary key;
alter table lineage.approvals add column checks jsonb;
create index approvals_of_run on lineage.approvals (run_id);
comment on column lineage.approvals.checks is
'The failed checks that the decision is about; unknown of decisions before these were stored, which let nothing through any more.';

-- A run in one process holds a session from its first stage to its last: where the session is gone and the run has not ended, it was killed.
create table ops.run_sessions (
    run_id        text primary key,
    session       integer not null,
    session_began timestamptz not null
);

alter table lineage.runs drop constraint runs_status_check;
alter table lineage.runs add constraint runs_status_check
check (status in ('running', 'published', 'unchanged', 'failed', 'rolled back', 'killed'));

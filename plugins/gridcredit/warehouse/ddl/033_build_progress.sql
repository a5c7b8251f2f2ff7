-- How far dbt has come with a run, for whoever waits for it.
create table ops.build_progress (
    run_id text primary key,
    nodes_done integer not null,
    nodes integer not null
);

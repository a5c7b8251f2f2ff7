-- What the figures of a build rest on, column by column: the same for every run with the same models, policy and settings.
create table lineage.columns (
    fingerprint     text not null,
    unique_id       text not null,
    schema_name     text not null,
    table_name      text not null,
    column_name     text not null,
    upstream_schema text not null,
    upstream_table  text not null,
    upstream_column text not null,
    is_direct       boolean not null,
    primary key (fingerprint, schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column)
);
comment on column lineage.columns.is_direct is 'Whether the value comes from the upstream column; else that column decides which rows are counted.';

create table lineage.events (
    event_id    bigint generated always as identity primary key,
    event_time  timestamptz not null,
    event_type  text,
    job_name    text not null,
    run_id      uuid,
    event       jsonb not null,
    recorded_at timestamptz not null default clock_timestamp()
);
comment on table lineage.events is 'OpenLineage events as they were sent.';
create index events_recorded_at on lineage.events using brin (recorded_at);

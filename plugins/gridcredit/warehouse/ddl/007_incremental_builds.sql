-- What changed since the last release; the staging models write it in the transaction in which they take up new rows.
create table ops.changed_customer (
    customer_id  text not null,
    changed_from date not null
);

-- Empty after a crash, as are the other unlogged tables: then the next build makes everything anew.
create unlogged table ops.built (
    run_id text primary key
);

alter table lineage.runs add column as_of_dates date[];
alter table lineage.runs add column fingerprint text;
alter table lineage.runs add column built_because text;
comment on column lineage.runs.as_of_dates is 'The month-ends that the run kept current, and its last day.';
comment on column lineage.runs.fingerprint is 'Hash of the models, the policies and the settings that the figures rest on.';
comment on column lineage.runs.built_because is 'Why the run made everything anew; null where it computed what had changed.';

-- The stops of the data's way that Python writes; dbt makes the schemas of its own layers.
create schema if not exists raw;
create schema if not exists quarantine;
create schema if not exists policy;
create schema if not exists published;
create schema if not exists lineage;
create schema if not exists ops;

create table lineage.files (
    file_id     bigint generated always as identity primary key,
    mapping     text not null,
    file_name   text not null,
    sha256      text not null,
    byte_size   bigint not null,
    modified_at timestamptz not null,
    loaded_at   timestamptz not null default clock_timestamp(),
    unique (mapping, sha256)
);
comment on table lineage.files is 'One row per distinct content that was accepted; the order of file_id is the order of delivery.';

create table lineage.loads (
    file_id          bigint not null references lineage.files,
    extract          text not null,
    mapping_sha256   text not null,
    rows_read        bigint not null,
    rows_accepted    bigint not null,
    rows_quarantined bigint not null,
    rows_filtered    bigint not null,
    rows_repeated    bigint not null,
    seconds          double precision not null,
    primary key (file_id, extract),
    -- Nothing is dropped without a record: filtered and repeated rows are those the mapping itself sets aside.
    constraint every_row_accounted_for
        check (rows_read = rows_accepted + rows_quarantined + rows_filtered + rows_repeated)
);

create table lineage.deliveries (
    delivery_id  bigint generated always as identity primary key,
    file_id      bigint not null references lineage.files,
    file_name    text not null,
    is_repeat    boolean not null,
    delivered_at timestamptz not null default clock_timestamp()
);

create table quarantine.rows (
    file_id     bigint not null references lineage.files,
    extract     text not null,
    line_no     bigint not null,
    row_text    text not null,
    column_name text,
    value       text,
    reason      text not null,
    primary key (file_id, extract, line_no)
);

create table lineage.runs (
    run_id       text primary key,
    as_of_date   date,
    code_version text not null,
    policy_name  text,
    started_at   timestamptz not null default clock_timestamp(),
    finished_at  timestamptz,
    status       text not null default 'running' check (status in ('running', 'published', 'unchanged', 'failed'))
);

create table lineage.run_files (
    run_id  text not null references lineage.runs,
    file_id bigint not null references lineage.files,
    primary key (run_id, file_id)
);

create table lineage.model_results (
    run_id        text not null references lineage.runs,
    unique_id     text not null,
    resource_type text not null,
    status        text not null,
    seconds       double precision not null,
    rows_affected bigint,
    checksum      text,
    message       text,
    recorded_at   timestamptz not null default clock_timestamp(),
    primary key (run_id, unique_id, recorded_at)
);

create table lineage.gate_results (
    run_id           text not null references lineage.runs,
    gate             text not null,
    suite            text not null,
    expectation      text not null,
    column_name      text,
    severity         text not null,
    success          boolean not null,
    unexpected_count bigint,
    element_count    bigint,
    detail           text,
    recorded_at      timestamptz not null default clock_timestamp()
);
create index gate_results_run on lineage.gate_results (run_id);

create table lineage.releases (
    release      bigint primary key,
    run_id       text not null unique references lineage.runs,
    as_of_date   date not null,
    rows_opened  bigint not null,
    rows_closed  bigint not null,
    published_at timestamptz not null default clock_timestamp()
);

create table ops.task_failures (
    failure_id  bigint generated always as identity primary key,
    dag_id      text not null,
    run_id      text not null,
    task_id     text not null,
    map_index   integer not null,
    try_number  integer not null,
    error       text not null,
    failed_at   timestamptz not null default clock_timestamp()
);

create table ops.refused_files (
    refusal_id  bigint generated always as identity primary key,
    mapping     text not null,
    file_name   text not null,
    reason      text not null,
    refused_at  timestamptz not null default clock_timestamp()
);

create table ops.stage_timings (
    run_id      text not null,
    stage       text not null,
    seconds     double precision not null,
    recorded_at timestamptz not null default clock_timestamp()
);

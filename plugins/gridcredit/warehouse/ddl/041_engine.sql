-- What built a run's models. Another engine than Postgres gives back what is published, and not every layer below.
alter table lineage.runs add column engine text not null default 'postgres';
comment on column lineage.runs.engine is 'what built the run''s models: postgres or duckdb';

-- What columns rest on is stored once for each wording of a model, in place of once for each policy and month.
alter table lineage.columns rename to column_upstream;
alter table lineage.column_upstream rename column fingerprint to sql_hash;
comment on table lineage.column_upstream is 'What the columns of a model rest on, as read from its SQL; lineage.columns says it by build.';
comment on column lineage.column_upstream.sql_hash is 'Hash of the model''s SQL without literals, and of the columns of the tables it names.';
create table lineage.model_sql (
    fingerprint text not null,
    unique_id   text not null,
    sql_hash    text not null,
    primary key (fingerprint, unique_id)
);
comment on table lineage.model_sql is 'Which wording of each model a build ran, by the fingerprint of models, policies and settings.';
insert into lineage.model_sql select distinct sql_hash, unique_id, sql_hash from lineage.column_upstream;
create view lineage.columns as
select
    model_sql.fingerprint,
    model_sql.unique_id,
    column_upstream.schema_name,
    column_upstream.table_name,
    column_upstream.column_name,
    column_upstream.upstream_schema,
    column_upstream.upstream_table,
    column_upstream.upstream_column,
    column_upstream.is_direct
from lineage.model_sql
inner join lineage.column_upstream using (sql_hash, unique_id);
comment on view lineage.columns is 'What the columns of each build''s models rest on.';

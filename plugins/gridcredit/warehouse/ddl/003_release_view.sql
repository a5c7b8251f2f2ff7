create or replace view published.release as
select release, as_of_date, published_at, rows_opened, rows_closed from lineage.releases;
comment on view published.release is 'One row per release; the highest number is the current one.';

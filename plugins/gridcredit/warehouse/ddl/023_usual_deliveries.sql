-- The usual is the median: the first load of all history, or one cut off, must not tell how many rows a day has.
create or replace view lineage.deliveries_by_run as
with loads as (
    select
        run_files.run_id,
        loads.extract,
        sum(loads.rows_accepted) as rows_accepted,
        sum(loads.rows_quarantined) as rows_quarantined,
        min(files.loaded_at) as loaded_at
    from lineage.run_files
    inner join lineage.files using (file_id)
    inner join lineage.loads using (file_id)
    where files.undone_at is null
    group by run_files.run_id, loads.extract
),

first_runs as (
    select
        run_files.file_id,
        min(runs.started_at) as answered_at
    from lineage.run_files
    inner join lineage.runs using (run_id)
    group by run_files.file_id
),

newest_facts as (
    select
        runs.run_id,
        runs.as_of_date,
        loads.extract,
        max(loads.newest_fact_on) as newest_fact_on,
        min(runs.started_at::date - files.loaded_at::date) as days_since_delivery
    from lineage.runs
    inner join first_runs on first_runs.answered_at <= runs.started_at
    inner join lineage.files using (file_id)
    inner join lineage.loads using (file_id)
    where files.undone_at is null
    group by runs.run_id, loads.extract
)

select
    newest_facts.run_id,
    newest_facts.extract,
    newest_facts.as_of_date - newest_facts.newest_fact_on as days_since_newest_fact,
    newest_facts.days_since_delivery,
    loads.rows_accepted,
    loads.rows_quarantined::numeric / nullif(loads.rows_accepted + loads.rows_quarantined, 0) as quarantined_share,
    loads.rows_accepted / nullif(usual.rows_accepted, 0) as share_of_usual_rows
from newest_facts
left join loads
    on newest_facts.run_id = loads.run_id and newest_facts.extract = loads.extract
left join lateral (
    select case when count(*) >= 3 then percentile_cont(0.5) within group (order by before.rows_accepted)::numeric end as rows_accepted
    from loads as before
    inner join lineage.runs as earlier on before.run_id = earlier.run_id
    where
        earlier.status in ('published', 'unchanged')
        and before.extract = loads.extract
        and before.loaded_at < loads.loaded_at
        and before.loaded_at >= loads.loaded_at - interval '13 weeks'
        and extract(isodow from before.loaded_at) = extract(isodow from loads.loaded_at)
) as usual on true;
comment on view lineage.deliveries_by_run is 'Age of the newest fact as of the run''s date (bills and payments), and of the last delivery; volume against the median of the same weekday in the 13 weeks before, null with fewer than three.';

-- What is evidence is added to, and never changed: policies and proposals, lineage, releases and what they published. The owner can
-- drop these triggers; what is changed then a build and `release verify` find.

-- Let nothing be changed but some columns, where an entry has a later end.
create function lineage.protect(evidence regclass, variadic may_change text [] default '{}') returns void
language plpgsql
as $$
declare
    fixed text;
begin
    select string_agg(quote_ident(attname), ', ' order by attnum) into fixed
    from pg_catalog.pg_attribute
    where attrelid = evidence and attnum > 0 and not attisdropped and attname <> all(may_change);
    execute format(
        'create or replace trigger append_only before update of %s or delete or truncate on %s '
        'for each statement execute function lineage.refuse_change()', fixed, evidence
    );
end
$$;

-- A row of a release is closed once, by a later release.
create function lineage.protect_history(history regclass) returns void
language plpgsql
as $$
begin
    perform lineage.protect(history, 'valid_to_release');
    execute format(
        'create or replace trigger closed_once before update of valid_to_release on %s '
        'for each row when (old.valid_to_release is not null or new.valid_to_release is null) '
        'execute function lineage.refuse_change()', history
    );
end
$$;

select lineage.protect_history(pg_class.oid::regclass)
from pg_catalog.pg_class
where relnamespace = 'published'::regnamespace and relkind = 'r' and relname ~ '_history$';

select lineage.protect('lineage.deliveries');
select lineage.protect('policy.proposal_files');

-- A load is reverted or retired once.
select lineage.protect('lineage.files', 'undone_at', 'undone_because');
create trigger reverted_once before update of undone_at, undone_because on lineage.files
for each row when (old.undone_at is not null) execute function lineage.refuse_change();
select lineage.protect('lineage.loads', 'retired_at');
create trigger retired_once before update of retired_at on lineage.loads
for each row when (old.retired_at is not null) execute function lineage.refuse_change();

-- A proposal is decided once, and withdrawn once.
select lineage.protect(
    'policy.proposals', 'changes', 'is_approved', 'approver', 'reason', 'decided_at',
    'withdrawn_by', 'withdrawn_reason', 'withdrawn_at'
);
create trigger decided_once before update of changes, is_approved, approver, reason, decided_at on policy.proposals
for each row when (old.is_approved is not null) execute function lineage.refuse_change();
create trigger withdrawn_once before update of withdrawn_by, withdrawn_reason, withdrawn_at on policy.proposals
for each row when (old.withdrawn_at is not null) execute function lineage.refuse_change();

-- The record of a run is closed with its release; of all runs nothing is removed at once.
drop trigger closed_once_released on lineage.runs;
do $$
declare
    fixed text;
begin
    select string_agg(quote_ident(attname), ', ' order by attnum) into fixed
    from pg_catalog.pg_attribute
    where
        attrelid = 'lineage.runs'::regclass and attnum > 0 and not attisdropped and attname not in ('status', 'finished_at');
    execute format(
        'create trigger closed_once_released before delete or update of %s on lineage.runs '
        'for each row execute function lineage.refuse_change_of_released()', fixed
    );
end
$$;
create trigger never_emptied before truncate on lineage.runs
for each statement execute function lineage.refuse_change();
create trigger never_emptied before truncate on lineage.run_files
for each statement execute function lineage.refuse_change();
create trigger never_emptied before truncate on lineage.gate_results
for each statement execute function lineage.refuse_change();
create trigger never_emptied before truncate on lineage.model_results
for each statement execute function lineage.refuse_change();

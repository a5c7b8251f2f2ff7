-- A policy's rows are never changed: a new version is a new set of rows. What somebody changes all the same a build and `verify` find.
do $$
declare
    evidence regclass;
begin
    for evidence in
        select pg_class.oid::regclass
        from pg_catalog.pg_class
        where
            relnamespace = 'policy'::regnamespace and relkind = 'r'
            and relname not in ('proposals', 'proposal_files')
    loop
        execute format(
            'create trigger append_only before update or delete or truncate on %s '
            'for each statement execute function lineage.refuse_change()', evidence
        );
    end loop;
end
$$;

-- Who reads what is published: its reader sees the rows of the org units of the roles that the login has, `*` is all rows.
-- Views that hide rows are barriers: no function, cast or error text sees a row before they do.
create or replace view published.my_org_unit with (security_barrier = true) as
select distinct org_unit
from ops.reader_org_units
inner join pg_catalog.pg_roles on rolname = role_name
where pg_catalog.pg_has_role(current_user, pg_roles.oid, 'usage');

-- BI tools read all units.
insert into ops.reader_org_units (role_name, org_unit) values ('bi_reader', '*') on conflict do nothing;

-- At once, not with the next release: current rows are read with the reader's own rights, as their history is.
do $$
declare
    relation regclass;
begin
    if to_regclass('published.my_customer') is not null then
        alter view published.my_customer set (security_barrier = true);
    end if;
    for relation in
        select format('%I.%I', schemaname, viewname)::regclass
        from pg_catalog.pg_views
        where
            schemaname = 'published'
            and (viewname = 'change' or to_regclass(format('published.%I', viewname || '_history')) is not null)
    loop
        execute format('alter view %s set (security_invoker = true)', relation);
    end loop;
end
$$;

-- Which org units a login of a department may read; `*` is all of them.
create table ops.reader_org_units (
    role_name name not null,
    org_unit  text not null,
    primary key (role_name, org_unit)
);

-- The reader's own, for the row policies: a view runs with its owner's rights, and knows who asks.
create view published.my_org_unit as
select org_unit from ops.reader_org_units where role_name = current_user;
comment on column published.my_org_unit.org_unit is 'business unit, or * for all';
comment on view published.my_org_unit is 'The org units that the login asking may read.';

-- What was applied last, by name: the hash of what it follows from.
create table ops.applied (
    name       text primary key,
    sha256     text not null,
    applied_at timestamptz not null default now()
);

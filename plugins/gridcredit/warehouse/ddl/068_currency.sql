-- The currency of all amounts in this warehouse, from its first load on: the warehouse's, not a command's.
create table ops.warehouse_currency (
    is_only boolean primary key default true check (is_only),
    currency text not null,
    stored_at timestamptz not null default clock_timestamp()
);

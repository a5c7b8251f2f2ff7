-- What only one process may do at a time, it does while it holds the lock of a table on which nobody else has a right.
create table ops.build_lock ();
comment on table ops.build_lock is 'Held by the stage of a build that works on the candidate tables.';
create table ops.gate_lock ();
comment on table ops.gate_lock is 'Held by a gate that checks.';

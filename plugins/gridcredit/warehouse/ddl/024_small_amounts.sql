-- Overdue amounts of a customer below this are in the books, but not pursued, warned of or capped by a veto.
alter table policy.policies add column pursued_from numeric(18, 2) not null default 1.00;

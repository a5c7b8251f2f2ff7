-- Which extract a note of changed facts comes from: some models follow from few of them.
alter table ops.changed_customer add column extract text not null default '';
alter table ops.changed_usage add column extract text not null default '';

-- How a warning ceases: after how many days without its condition it clears, when it goes up a level that nobody took
-- note of, and within how many days after clearing it counts as the same one come back.
alter table policy.warning_rules
    add column clear_after_days     integer not null default 0 check (clear_after_days >= 0),
    add column escalate_after_days  integer check (escalate_after_days > 0),
    add column reopen_within_days   integer not null default 0 check (reopen_within_days >= 0),
    add column not_for              text;

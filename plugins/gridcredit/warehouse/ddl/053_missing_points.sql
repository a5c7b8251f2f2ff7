-- Points of an indicator that applies and has no value; none: its weight is shared among the others.
alter table policy.indicators
    add column missing_points numeric(6, 2) check (missing_points >= 0 and missing_points <= weight);

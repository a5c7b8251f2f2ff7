-- The segments that an indicator leaves out, with bars between; their weight is shared among the others.
alter table policy.indicators add column not_for text;

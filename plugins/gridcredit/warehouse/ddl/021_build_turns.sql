-- Of two runs at once, the candidate tables are those of the one whose build began last.
alter table lineage.runs add column build_began_at timestamptz;

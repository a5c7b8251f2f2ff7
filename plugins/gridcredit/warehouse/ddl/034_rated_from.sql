-- After so many months an old bill weighs half in what a policy calls recent.
alter table policy.policies add column half_life_months integer not null default 3 check (half_life_months > 0);

-- Of a dimension, or of all indicators, the share of the weight that must be available for a grade; else a customer is not rated.
create table policy.required_weights (
    policy_version text not null references policy.policies,
    dimension      text not null,
    min_share      numeric(4, 2) not null check (min_share > 0 and min_share <= 1),
    primary key (policy_version, dimension)
);
create trigger append_only before update or delete or truncate on policy.required_weights
for each statement execute function lineage.refuse_change();

-- The mean monthly bills that percentiles of a segment begin at, from a released day on as they were then: late corrections of
-- others' bills move nobody's rating.
create table ops.bill_size_bounds (
    basis_date        date not null,
    segment           text not null,
    percentile        integer not null,
    mean_monthly_bill numeric(18, 2) not null,
    customers         integer not null,
    release           integer not null,
    primary key (basis_date, segment, percentile)
);

-- By how much scores may have moved within a year (population stability index) before a release is blocked; null: never.
alter table policy.policies add column max_score_psi numeric(6, 2) check (max_score_psi > 0);

-- Who decided what, and by which login and role it came: a name that is only typed proves nobody.
create table lineage.decisions (
    decision_id   bigint generated always as identity primary key,
    decision      text not null,
    subject       text not null,
    approver      text not null,
    reason        text not null,
    os_user   text not null,
    database_role text not null default session_user,
    decided_at    timestamptz not null default clock_timestamp()
);
create trigger append_only before update or delete or truncate on lineage.decisions
for each statement execute function lineage.refuse_change();

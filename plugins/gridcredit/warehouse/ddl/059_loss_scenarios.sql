-- What may come, how likely it is, and by what factor more or fewer debts come to default then: IFRS 9 asks for more
-- than one case.
create table policy.loss_scenarios (
    policy_version text not null references policy.policies,
    scenario       text not null,
    probability    numeric(6, 4) not null check (probability > 0 and probability <= 1),
    default_factor numeric(7, 4) not null check (default_factor > 0),
    primary key (policy_version, scenario)
);
create trigger append_only before update or delete or truncate on policy.loss_scenarios
for each statement execute function lineage.refuse_change();

-- No debt is without risk: where the past shows no default at all, this share.
alter table policy.policies
    add column least_default_rate numeric(9, 6) not null default 0.0005
    check (least_default_rate > 0 and least_default_rate < 1);

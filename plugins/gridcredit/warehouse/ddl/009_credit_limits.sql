-- Months of bills granted by grade, and how customers of the grade should pay; without months the deposit is the limit.
create table policy.limits (
    policy_version text not null references policy.policies,
    grade          text not null,
    limit_months   numeric(4, 2) check (limit_months >= 0),
    payment_mode   text not null,
    primary key (policy_version, grade)
);

-- How much more than the mean month a segment's dearest month costs.
create table policy.season_factors (
    policy_version     text not null references policy.policies,
    segment            text not null,
    peak_season_factor numeric(4, 2) not null check (peak_season_factor >= 1),
    primary key (policy_version, segment)
);

-- Whose readings changed, and from which day on; apart from other facts, since a reading moves no bill and no payment.
create table ops.changed_usage (
    customer_id  text not null,
    changed_from date not null
);

-- From which mean monthly bill on a customer is larger than so many in a hundred of its segment.
create table policy.bill_sizes (
    policy_version    text not null references policy.policies,
    segment           text not null,
    percentile        integer not null check (percentile between 0 and 100),
    mean_monthly_bill numeric(18, 2) not null check (mean_monthly_bill >= 0),
    primary key (policy_version, segment, percentile)
);

-- How bills are computed again from readings and tariff.
alter table policy.policies
    add column bill_tolerance numeric(18, 2) not null default 0.05 check (bill_tolerance >= 0),
    add column power_factor_surcharge numeric(8, 5) not null default 0.005 check (power_factor_surcharge >= 0),
    add column reading_lag_months integer not null default 0 check (reading_lag_months between 0 and 1);

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

-- What a policy says of new customers, and for how many months use may be taken as not billed yet.
alter table policy.policies
    add column new_customer_grade text not null default 'NR',
    add column unbilled_months_max integer not null default 3 check (unbilled_months_max >= 0);

-- The best grade that a customer may have who had another one at the month-end before.
create table policy.transitions (
    policy_version text not null,
    grade_before   text not null,
    best_grade     text not null,
    reason_code    text not null,
    primary key (policy_version, grade_before),
    foreign key (policy_version, grade_before) references policy.grades,
    foreign key (policy_version, best_grade) references policy.grades,
    foreign key (policy_version, reason_code) references policy.reasons
);

-- How a segment's use runs over the year: a month's daily use over that of the mean month.
create table policy.season_indices (
    policy_version text not null references policy.policies,
    segment        text not null,
    month          integer not null check (month between 1 and 12),
    usage_index    numeric(6, 2) not null check (usage_index > 0),
    primary key (policy_version, segment, month)
);

-- Classes of value and credit, the first that fits decides; what is not asked for is null.
create table policy.customer_classes (
    policy_version  text not null references policy.policies,
    class_rank      integer not null,
    customer_class  text not null,
    min_bill_size   numeric,
    min_usage_trend numeric,
    worst_grade     text,
    service_tier    text not null,
    text_en         text not null,
    text_zh         text not null,
    primary key (policy_version, class_rank),
    foreign key (policy_version, worst_grade) references policy.grades
);

-- After how many months without one a review is due, for those of whom a condition holds.
create table policy.review_rules (
    policy_version text not null references policy.policies,
    review_rule    text not null,
    feature        text not null,
    comparator     text not null check (comparator in ('>', '>=', '<', '<=', '=')),
    threshold      numeric not null,
    months         integer not null check (months >= 0),
    not_for        text,
    text_en        text not null,
    text_zh        text not null,
    primary key (policy_version, review_rule)
);

-- What a customer is advised, where a condition holds.
create table policy.advice_rules (
    policy_version text not null references policy.policies,
    advice         text not null,
    kind           text not null check (kind in ('usage', 'safety')),
    feature        text not null,
    comparator     text not null check (comparator in ('>', '>=', '<', '<=', '=')),
    threshold      numeric not null,
    not_for        text,
    text_en        text not null,
    text_zh        text not null,
    primary key (policy_version, advice)
);

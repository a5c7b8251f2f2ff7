-- A policy is loaded append-only: its rows are never changed, a new version is a new set of rows.
create table policy.policies (
    policy_version text primary key,
    policy_name    text not null,
    effective_from date not null,
    approver       text not null,
    sha256         text not null,
    description    text not null,
    new_customer_months integer not null,
    loaded_at      timestamptz not null default clock_timestamp(),
    unique (policy_name, effective_from)
);

create table policy.indicators (
    policy_version text not null references policy.policies,
    indicator      text not null,
    dimension      text not null,
    weight         numeric(6, 2) not null check (weight > 0),
    primary key (policy_version, indicator)
);

create table policy.reasons (
    policy_version text not null references policy.policies,
    reason_code    text not null,
    text_en        text not null,
    text_zh        text not null,
    primary key (policy_version, reason_code)
);

create table policy.bins (
    policy_version text not null,
    indicator      text not null,
    bin            integer not null,
    lower_bound    numeric,
    upper_bound    numeric,
    points         numeric(6, 2) not null check (points >= 0),
    reason_code    text not null,
    primary key (policy_version, indicator, bin),
    foreign key (policy_version, indicator) references policy.indicators,
    foreign key (policy_version, reason_code) references policy.reasons
);

create table policy.grades (
    policy_version text not null references policy.policies,
    grade          text not null,
    grade_rank     integer not null,
    min_score      numeric(6, 2) not null,
    primary key (policy_version, grade),
    unique (policy_version, grade_rank)
);

create table policy.vetoes (
    policy_version text not null,
    veto           text not null,
    feature        text not null,
    comparator     text not null check (comparator in ('>', '>=', '<', '<=', '=')),
    threshold      numeric not null,
    best_grade     text not null,
    reason_code    text not null,
    primary key (policy_version, veto),
    foreign key (policy_version, best_grade) references policy.grades,
    foreign key (policy_version, reason_code) references policy.reasons
);

create table policy.warning_rules (
    policy_version text not null references policy.policies,
    rule           text not null,
    level          text not null check (level in ('red', 'orange', 'yellow', 'blue')),
    measure        text not null,
    department     text not null,
    deadline_days  integer not null,
    text_en        text not null,
    text_zh        text not null,
    primary key (policy_version, rule)
);

create table policy.warning_conditions (
    policy_version text not null,
    rule           text not null,
    feature        text not null,
    comparator     text not null check (comparator in ('>', '>=', '<', '<=', '=')),
    threshold      numeric not null,
    primary key (policy_version, rule, feature, comparator),
    foreign key (policy_version, rule) references policy.warning_rules
);

create table policy.ageing_buckets (
    policy_version text not null references policy.policies,
    ageing_bucket  text not null,
    bucket_rank    integer not null,
    from_days      integer,
    to_days        integer,
    primary key (policy_version, ageing_bucket)
);

-- What an overdue bill costs its debtor, at least and by the day, the days that a due date is moved past, and after how many
-- days overdue a debt is proposed to be written off.
alter table policy.policies
    add column late_charge_min numeric(18, 2) not null default 0 check (late_charge_min >= 0),
    add column write_off_days integer not null default 361 check (write_off_days > 0);

create table policy.late_charges (
    policy_version    text not null references policy.policies,
    segment           text not null,
    daily_rate        numeric not null check (daily_rate >= 0),
    carried_over_rate numeric not null check (carried_over_rate >= daily_rate),
    primary key (policy_version, segment)
);

create table policy.holidays (
    policy_version text not null references policy.policies,
    holiday        date not null,
    primary key (policy_version, holiday)
);

-- How debts are pursued: each strategy's share of the customers, and its steps in their order.
create table policy.dunning_strategies (
    policy_version text not null references policy.policies,
    strategy       text not null,
    share_pct      numeric not null check (share_pct > 0 and share_pct <= 100),
    primary key (policy_version, strategy)
);

create table policy.dunning_steps (
    policy_version   text not null,
    strategy         text not null,
    step_rank        integer not null,
    step             text not null,
    min_days_overdue integer not null check (min_days_overdue > 0),
    wait_days_home   integer not null check (wait_days_home >= 0),
    wait_days_other  integer not null check (wait_days_other >= 0),
    effort           numeric not null check (effort > 0),
    text_en          text not null,
    text_zh          text not null,
    primary key (policy_version, strategy, step_rank),
    foreign key (policy_version, strategy) references policy.dunning_strategies
);

-- The probability that a customer of a grade defaults within half a year, and the share of a debt that is lost by its age.
create table policy.default_rates (
    policy_version         text not null references policy.policies,
    grade                  text not null,
    probability_of_default numeric not null check (probability_of_default between 0 and 1),
    primary key (policy_version, grade)
);

create table policy.loss_rates (
    policy_version     text not null references policy.policies,
    min_days_overdue   integer not null,
    loss_given_default numeric not null check (loss_given_default between 0 and 1),
    primary key (policy_version, min_days_overdue)
);

-- What share of the debts that fell overdue in a month an officer is to have recovered after so many days.
create table policy.recovery_targets (
    policy_version text not null references policy.policies,
    days           integer not null,
    recovered_rate numeric not null check (recovered_rate between 0 and 1),
    primary key (policy_version, days)
);

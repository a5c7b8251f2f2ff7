-- Policies that somebody or something proposed, with what was decided about each: a refused one stays, with the reason.
create table policy.proposals (
    proposal_id    bigint generated always as identity primary key,
    policy_name    text not null,
    policy_version text not null unique,
    base_version   text not null,
    effective_from date not null,
    method         text not null,
    facts          jsonb not null,
    changes        jsonb,
    proposed_at    timestamptz not null default clock_timestamp(),
    is_approved    boolean,
    approver       text,
    reason         text,
    decided_at     timestamptz,
    check ((is_approved is null) = (approver is null)),
    check ((is_approved is null) = (reason is null))
);

create table policy.proposal_files (
    proposal_id bigint not null references policy.proposals,
    file_name   text not null,
    content     text not null,
    primary key (proposal_id, file_name)
);

-- The watch of the ratings: figures of a month, each by what it is of ('' where it is of all), and what was found of it.
create schema evaluation;

create table evaluation.rating_figure (
    as_of_date  date not null,
    scorer      text not null,
    figure      text not null,
    dimension   text not null,
    member      text not null,
    value       double precision,
    lower_bound double precision,
    upper_bound double precision,
    customers   bigint not null,
    defaults    bigint not null,
    status      text not null check (status in ('ok', 'warn', 'breach', 'unknown', 'not judged')),
    watched_on  date not null,
    primary key (as_of_date, scorer, figure, dimension, member)
);

-- A month's breaches, until a named person has taken note of them.
create table evaluation.breach_note (
    watched_on date primary key,
    officer    text not null,
    note       text not null,
    noted_at   timestamptz not null default clock_timestamp()
);

-- The challenger's rating of every customer beside the one that counts, for analysts.
create table evaluation.challenger_rating (
    as_of_date         date not null,
    customer_id        text not null,
    policy_version     text not null,
    challenger_version text not null,
    segment            text,
    region             text,
    grade              text not null,
    challenger_grade   text not null,
    score              numeric(6, 2),
    challenger_score   numeric(6, 2),
    exposure           numeric(18, 2),
    credit_limit       numeric(18, 2),
    challenger_limit   numeric(18, 2),
    primary key (as_of_date, customer_id)
);

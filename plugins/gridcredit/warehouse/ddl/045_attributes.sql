-- What a supplier knows of customers beside the contract's columns, as policies/attributes.yml declares it. A name retains its type:
-- values of it are stored. One that is no longer declared is read by nothing.
create table policy.attributes (
    name         text primary key,
    type         text not null check (type in ('boolean', 'code', 'number', 'date', 'text')),
    codes        text,
    description  text not null,
    is_protected boolean not null,
    is_declared  boolean not null
);

-- Conditions by which a policy holds the next step of a debtor's dunning.
create table policy.dunning_holds (
    policy_version text not null references policy.policies,
    held_by        text not null,
    feature        text not null,
    comparator     text not null check (comparator in ('>', '>=', '<', '<=', '=')),
    threshold      numeric not null,
    step           text,
    text_en        text not null,
    text_zh        text not null,
    primary key (policy_version, held_by)
);
create trigger append_only before update or delete or truncate on policy.dunning_holds
for each statement execute function lineage.refuse_change();

-- Which debts a trial of strategies counts (none: all), and what draws its customers anew.
alter table policy.policies
    add column trial_since date,
    add column trial_salt text not null default '';

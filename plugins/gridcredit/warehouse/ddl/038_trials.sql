-- Which debts a trial of strategies counts (none: all), what draws its customers anew, and the share of a customer's mean
-- bill that his debts must come to before they are pursued.
alter table policy.policies
    add column trial_since date,
    add column trial_salt text not null default '',
    add column pursued_share_of_bill numeric(6, 4) not null default 0 check (pursued_share_of_bill between 0 and 1);

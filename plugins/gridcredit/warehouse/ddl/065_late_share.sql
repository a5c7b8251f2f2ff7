-- The share of a bill above which what was not paid in time makes it late, however small the amount; unset: the amount alone.
alter table policy.policies
    add column late_share_of_bill numeric(6, 4) check (late_share_of_bill > 0 and late_share_of_bill <= 1);

-- Of what the least late charge is: of each bill, or of all that a customer pays on one day.
alter table policy.policies
    add column late_charge_min_of text not null default 'bill' check (late_charge_min_of in ('bill', 'statement'));

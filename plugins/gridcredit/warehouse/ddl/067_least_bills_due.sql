-- With fewer bills due in twelve months a customer has no score; unset: what required_weights asks for alone.
alter table policy.policies add column least_bills_due integer check (least_bills_due > 0);

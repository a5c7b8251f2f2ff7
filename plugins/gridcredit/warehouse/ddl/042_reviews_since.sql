-- From when on a policy asks for reviews of those who never had one; none: from its first version.
alter table policy.policies add column reviews_since date;

-- Whose rows a reader sees. Views that hide rows are barriers: no function, cast or error text sees a row before they do.
create or replace view published.my_customer with (security_barrier = true) as
select customer_id from published.customer_rating_history
where
    valid_to_release is null
    and (
        exists (select from published.my_org_unit where org_unit = '*')
        or org_unit in (select org_unit from published.my_org_unit)
    );
comment on view published.my_customer is 'The customers of the org units that the login asking may read.';
comment on column published.my_customer.customer_id is 'a customer of the org units of the login asking';
grant select on published.my_customer to bi_reader;

-- Keys of failing rows name customers: `lineage.gate_results` shows auditors all but them.
create or replace view lineage.failing_key with (security_barrier = true) as
select
    run_id,
    gate,
    suite,
    expectation,
    column_name,
    key
from lineage.gate_results
cross join lateral jsonb_array_elements(unexpected_keys) as keys (key)
where
    exists (select from published.my_org_unit where org_unit = '*')
    or key ->> 'customer_id' in (select customer_id from published.my_customer);
comment on view lineage.failing_key is
'Keys of the first rows that failed a check; a reader of some org units sees those of his customers.';

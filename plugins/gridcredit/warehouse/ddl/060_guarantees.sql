-- What a bank or another guarantees of a customer's debts. Where raw is not there yet, it is created from the contract,
-- with these columns.
alter table if exists raw.customer
    add column if not exists guarantee_amount numeric(18, 2),
    add column if not exists guarantee_ends_on date;

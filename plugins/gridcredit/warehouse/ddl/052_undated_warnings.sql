-- What holds on the last day, and no evaluation day has found yet, has no first day.
alter table if exists published.customer_warning_history alter column opened_on drop not null;

-- What a power factor adds to a month's charges, or takes off them, in percent, by the tariff's standard; even between two rows.
create table policy.power_factor_adjustments (
    policy_version        text not null references policy.policies,
    power_factor_standard numeric(4, 2) not null check (power_factor_standard > 0 and power_factor_standard <= 1),
    power_factor          numeric(4, 2) not null check (power_factor between 0 and 1),
    adjustment_pct        numeric(8, 4) not null,
    primary key (policy_version, power_factor_standard, power_factor)
);
create trigger append_only before update or delete or truncate on policy.power_factor_adjustments
for each statement execute function lineage.refuse_change();

-- A tariff may charge the contract's capacity. Where raw is not there yet, it is created from the contract, with this column.
alter table if exists raw.tariff add column if not exists capacity_price numeric(18, 6);

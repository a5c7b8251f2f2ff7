"""The warehouse of tests/dbt/built.py, and what the oracle says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gridcredit import policy, runs, transform
from gridcredit.extracts.contract import BILL, CUSTOMER, EXTRACTS, PAYMENT
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.simulate import simulate

from tests.conftest import Warehouses
from tests.dbt import oracle
from tests.dbt.built import DAYS, POLICY, Built, FeaturesByDay, Rated, bill_wrongly, write
from tests.dbt.delivered import all_features, as_oracles_read, read_rows
from tests.dbt.wild import draw_rows, hard_debtors, reformed_rows, wild_conduct, wild_customer, wild_meter


@pytest.fixture(scope="session")
def built(warehouses: Warehouses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    settings = warehouses.make("oracle")
    folder = tmp_path_factory.mktemp("files")
    simulate(250, 24, 3, folder)
    differences = bill_wrongly(folder / "bill.csv")
    paths = [
        folder / f"{name}.csv"
        for name in (
            "customer",
            "bill",
            "payment",
            "tariff",
            "meter",
            "meter_reading",
            "department_notice",
            "warning_acknowledgement",
            "officer_assignment",
            *oracle.CONDUCT,
        )
    ]
    wild = draw_rows(250, wild_customer)
    for extract in (CUSTOMER, BILL, PAYMENT):
        # Delivered twice, the second time corrected: the newest delivery of a key wins.
        first = [row | {"amount": "1.00"} if "amount" in row else row for row in wild[extract.name][:50]]
        if extract is CUSTOMER:
            # A contract that was another one until April: what is as of an earlier day reads the earlier one.
            first = [row | {"deposit_amount": 777, "contract_capacity_kva": 20} for row in first]
            for row in wild["customer"][:50]:
                row["updated_at"] = "2026-04-15 09:00:00"
        for name, rows in (("first", first), ("wild", wild[extract.name])):
            path = folder / f"{extract.name}_{name}_{extract.name}.csv"
            write(path, extract, rows)
            paths.append(path)
    drawn = [str(row["customer_id"]) for row in wild["customer"]]
    meters = round(1.3 * len(drawn) / 2)
    for told, batch in {
        "wild": draw_rows(len(drawn) // 3, lambda rng, number: wild_conduct(drawn[3 * number], rng, number))
        | draw_rows(meters, lambda rng, number: wild_meter(drawn[2 * number % len(drawn)], DAYS[-1], rng, number)),
        "reformed": reformed_rows(5),
        "hard": hard_debtors(),
    }.items():
        for name, rows in batch.items():
            path = folder / f"{name}_{told}_{name}.csv"
            write(path, EXTRACTS[name], rows)
            paths.append(path)
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for path in paths:
        counts = load_file(path, mapping, settings).counts
        assert all(count.quarantined == 0 for count in counts.values())
    runs.start_run("oracle", DAYS[-1], settings)
    policy.load_policies(settings)
    transform.build("oracle", DAYS, settings)
    delivered = read_rows(paths)
    yield Built(settings, *as_oracles_read(delivered), differences, delivered)


@pytest.fixture(scope="session")
def features(built: Built) -> FeaturesByDay:
    found: FeaturesByDay = {}
    for day in DAYS:
        for customer in built.ledger.customers:
            if customer.opened_on <= day:
                months = built.months.get(customer.customer_id, {})
                found[day, customer.customer_id] = all_features(POLICY, built.ledger, customer, months, day)
    return found


@pytest.fixture(scope="session")
def ratings(built: Built, features: FeaturesByDay) -> Rated:
    customers = {customer.customer_id: customer for customer in built.ledger.customers}
    return {key: oracle.rate(POLICY, built.ledger, customers[key[1]], found, key[0]) for key, found in features.items()}

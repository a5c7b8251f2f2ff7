"""The warehouse of tests/support/built.py, and what the oracle says of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import oracle
from tests.support.built import DAYS, POLICY, Built, FeaturesByDay, Rated, read_built
from tests.support.delivered import all_features
from tests.support.prepared import Prepared
from tests.support.warehouses import Warehouses


@pytest.fixture(scope="session")
def built(warehouses: Warehouses, oracle_warehouse: Prepared) -> Iterator[Built]:
    with warehouses.lent(oracle_warehouse) as settings:
        yield read_built(oracle_warehouse.files, settings)


@pytest.fixture(scope="session")
def features(built: Built) -> FeaturesByDay:
    found: FeaturesByDay = {}
    for day in DAYS:
        for customer in built.ledger.customers:
            if customer.opened_on <= day:
                months = built.months.get(customer.customer_id, {})
                found[day, customer.customer_id] = all_features(POLICY, built.ledger, customer, months, day, DAYS[:-1])
    return found


@pytest.fixture(scope="session")
def ratings(built: Built, features: FeaturesByDay) -> Rated:
    customers = {customer.customer_id: customer for customer in built.ledger.customers}
    return {key: oracle.rate(POLICY, built.ledger, customers[key[1]], found, key[0]) for key, found in features.items()}

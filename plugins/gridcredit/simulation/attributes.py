"""What the simulated supplier knows of customers beside the contract's columns; policies/attributes.yml declares it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gridcredit.contract.customers import CUSTOMER_ATTRIBUTE
from gridcredit.simulation.columns import Array, days, numbered, table, words
from gridcredit.simulation.customers import Customers

# Vulnerability is confirmed for so many days at a time.
CONFIRMED_DAYS = 180


def attribute_tables(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> Iterator[pa.Table]:
    """Direct debits, incomes that homes stated, social tariffs, and vulnerability until a day. None says how somebody
    pays.
    """
    count = len(customers.number)
    since = _within_two_years(rng, customers, through)
    home = ~customers.is_firm

    def rows(name: str, who: Array, value: Array, until: Array | None = None) -> pa.Table:
        return table(
            CUSTOMER_ATTRIBUTE,
            customer_id=numbered("C", customers.number[who]),
            name=pa.repeat(name, int(who.sum())),
            value=words(value[who]),
            valid_from=days(since[who]),
            **({} if until is None else {"valid_to": days(until[who])}),
        )

    yield rows("direct_debit", rng.random(count) < 0.4, np.where(rng.random(count) < 0.9, "true", "false"))
    yield rows("income_band", home & (rng.random(count) < 0.3), rng.choice(["low", "middle", "high"], count))
    yield rows("social_tariff", home & (rng.random(count) < 0.05), np.full(count, "true"))
    yield rows("vulnerable", home & (rng.random(count) < 0.03), np.full(count, "true"), since + CONFIRMED_DAYS)


def _within_two_years(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> Array:
    first: Array = np.maximum(customers.opened.astype("datetime64[D]"), through - 730)
    since: Array = first + (rng.random(len(first)) * (through - first).astype(int)).astype("timedelta64[D]")
    return since

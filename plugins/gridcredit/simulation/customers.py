"""Who the supplier's customers are: segments, hidden creditworthiness, and the customer file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridcredit.contract.customers import CUSTOMER
from gridcredit.simulation.columns import Array, firm_names, numbered, person_names

REGIONS = ("east", "south", "west", "north")
ORG_UNITS = 8


@dataclass(frozen=True)
class Segment:
    """How a segment is made: its share of customers, use and season, and its mean creditworthiness."""

    name: str
    share: float
    monthly_kwh: float
    spread: float
    season: float
    peak_month: int
    creditworthiness: float
    multiplier: int


SEGMENTS = (
    Segment("residential", 0.70, 260, 0.6, 0.30, 7, 0.2, 1),
    Segment("commercial", 0.14, 4_000, 1.0, 0.20, 7, 0.0, 40),
    Segment("industrial", 0.08, 45_000, 1.2, 0.08, 11, -0.2, 200),
    Segment("agricultural", 0.05, 1_500, 0.9, 0.60, 5, -0.3, 1),
    Segment("public", 0.03, 12_000, 0.8, 0.15, 0, 0.6, 40),
)
RESIDENTIAL, COMMERCIAL, INDUSTRIAL = range(3)


@dataclass(frozen=True)
class Customers:
    """A block of customers, as arrays of one value each."""

    number: Array
    segment: Array
    credit: Array
    opened: Array
    org_unit: Array
    periods: Array

    def of(self, field: str) -> Array:
        """A segment's property for each customer."""
        return np.array([getattr(kind, field) for kind in SEGMENTS])[self.segment]

    @property
    def is_firm(self) -> Array:
        firm: Array = self.segment != RESIDENTIAL
        return firm


def make_customers(rng: np.random.Generator, block: Array, periods: Array) -> Customers:
    """Draw a block of customers over the months `periods`."""
    count = len(block)
    segment = rng.choice(len(SEGMENTS), size=count, p=[kind.share for kind in SEGMENTS])
    mean = np.array([kind.creditworthiness for kind in SEGMENTS])[segment]
    first_day = periods[0].astype("datetime64[D]")
    long_ago = first_day - rng.integers(200, 4000, size=count)
    span = int((periods[-1].astype("datetime64[D]") - first_day).astype(int)) + 1
    return Customers(
        number=block,
        segment=segment,
        credit=rng.normal(mean, 1.0),
        opened=np.where(rng.random(count) < 0.85, long_ago, first_day + rng.integers(0, span, size=count)),
        org_unit=rng.integers(1, ORG_UNITS + 1, size=count),
        periods=periods,
    )


def customer_table(rng: np.random.Generator, customers: Customers) -> pa.Table:
    """The customer file."""
    count, firm, kwh = len(customers.number), customers.is_firm, customers.of("monthly_kwh")
    names = np.where(firm, firm_names(rng, customers.number), person_names(rng, count))
    segment = customers.of("name")
    return pa.table(
        {
            "customer_id": numbered("C", customers.number),
            "name": pa.array(names, pa.string()),
            "segment": pa.array(segment),
            "industry_code": pa.array([f"I{kind}" if kind else None for kind in customers.segment.tolist()]),
            "region": pa.array(np.array(REGIONS)[rng.integers(len(REGIONS), size=count)]),
            "org_unit": pa.array([f"unit_{number:02d}" for number in customers.org_unit.tolist()]),
            "opened_on": pa.array(customers.opened),
            "closed_on": pa.nulls(count, pa.date32()),
            "status": pa.repeat("active", count),
            "voltage_kv": pa.array(np.where(firm, "10", "0.4")),
            "contract_capacity_kva": pa.array((kwh / 120).round(0).astype(int).clip(5)),
            "tariff_code": pa.array(np.char.add("T-", segment.astype(str))),
            "payment_mode": pa.repeat("postpaid", count),
            "deposit_amount": pa.nulls(count, pa.string()),
            "guarantee_amount": pa.nulls(count, pa.string()),
            "guarantee_ends_on": pa.nulls(count, pa.date32()),
            "registered_capital": pa.array(np.where(firm, rng.integers(1, 500, size=count) * 10_000, 0)),
            "important_user": pa.array((customers.segment == 4) & (rng.random(count) < 0.3)),
            "updated_at": pa.array(np.char.add(customers.opened.astype(str), " 09:00:00")),
        }
    ).select([column.name for column in CUSTOMER.columns])

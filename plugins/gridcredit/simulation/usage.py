"""What customers use, what their meters show, and the bills that follow from tariff and reading.

A bill is exactly what its readings and tariff give: energy by register, maximum demand, power-factor surcharge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridcredit.contract.billing import BILL, TARIFF
from gridcredit.simulation.columns import Array, decimal, document_id, numbered
from gridcredit.simulation.customers import INDUSTRIAL, SEGMENTS, Customers

ISSUE_DAY, DUE_AFTER_DAYS = 3, 20
# Prices per kWh in units of 0.0001, by segment and register; firms are billed by time of use.
PRICES: dict[str, dict[str, int]] = {
    "residential": {"total": 5500},
    "commercial": {"peak": 11000, "flat": 7800, "valley": 4200},
    "industrial": {"peak": 9500, "flat": 6600, "valley": 3500},
    "agricultural": {"total": 4800},
    "public": {"total": 6000},
}
DEMAND_PRICE = 38
POWER_FACTOR_STANDARD = 0.90
# The rule of 1983 for that standard: from which power factor on it adds what to the charges, in hundredths of a
# percent; even between.
POWER_FACTORS, ADJUSTMENTS = (0, 65, 70, 90, 95, 100), (14500, 1500, 1000, 0, -75, -75)


@dataclass(frozen=True)
class Usage:
    """kWh by register, kvarh and kW, each (customers, months); the spell of theft; the month a meter was changed."""

    energy: dict[str, Array]
    reactive: Array
    demand: Array
    unmetered: Array
    tampered_from: Array
    found_on: Array
    changed_in: Array


@dataclass(frozen=True)
class Bills:
    """One bill per customer and month since its contract began, customer by customer; amounts in cents."""

    owner: Array
    month: Array
    customer: Array
    period: Array
    issued_on: Array
    due_on: Array
    kwh: Array
    energy_charge: Array
    demand_charge: Array
    adjustment: Array

    @property
    def cents(self) -> Array:
        total: Array = self.energy_charge + self.demand_charge + self.adjustment
        return total


def make_usage(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> Usage:
    """Draw use with season, growth and noise; some thieves' meters show half of it until an inspection."""
    count, months = len(customers.number), len(customers.periods)
    growth = rng.normal(0.0, 0.008, size=count)
    base = customers.of("monthly_kwh") * np.exp(rng.normal(0.0, customers.of("spread")))
    month_of_year = customers.periods.astype(int) % 12
    phase = month_of_year[None, :] - customers.of("peak_month")[:, None]
    season = 1 + customers.of("season")[:, None] * np.cos(2 * np.pi * phase / 12)
    noise = np.exp(rng.normal(0.0, 0.12, size=(count, months)))
    used = (base[:, None] * season * noise * (1 + growth[:, None]) ** np.arange(months)).clip(1).round(0).astype(int)

    steals = rng.random(count) < 0.03 / (1 + np.exp(2 + 1.5 * customers.credit))
    tampered_from = np.where(steals, rng.integers(0, months, size=count), months)
    start = customers.periods[tampered_from.clip(max=months - 1)].astype("datetime64[D]")
    steals &= customers.opened <= start
    tampered_from = np.where(steals, tampered_from, months)
    found_on = start + rng.integers(60, 240, size=count)
    found_on = np.where(steals & (found_on <= through), found_on, np.datetime64("NaT"))
    found_in = np.where(np.isnat(found_on), np.datetime64("9999-12"), found_on.astype("datetime64[M]"))
    month = np.arange(months)[None, :]
    is_stealing = (month >= tampered_from[:, None]) & (customers.periods[None, :] < found_in[:, None])
    metered = np.where(is_stealing, (used // 2).clip(1), used)

    peak = (metered * rng.uniform(0.25, 0.45, size=(count, 1))).astype(int)
    valley = (metered * rng.uniform(0.15, 0.30, size=(count, 1))).astype(int)
    tangent = rng.uniform(0.25, 0.65, size=(count, 1))
    hours = 730 * rng.uniform(0.3, 0.75, size=(count, 1))
    changed = rng.random(count) < 0.03
    return Usage(
        energy={"total": metered, "peak": peak, "flat": metered - peak - valley, "valley": valley},
        reactive=(metered * tangent).astype(int),
        demand=(metered / hours).round(0).astype(int).clip(1),
        unmetered=used - metered,
        tampered_from=tampered_from,
        found_on=found_on,
        changed_in=np.where(changed, rng.integers(0, months, size=count), months),
    )


def make_bills(customers: Customers, usage: Usage) -> Bills:
    """Bill each month's use by the customer's tariff."""
    tenths_of_cents: Array = np.zeros_like(usage.demand)
    for index, kind in enumerate(SEGMENTS):
        mine = customers.segment == index
        for register, price in PRICES[kind.name].items():
            tenths_of_cents[mine] += usage.energy[register][mine] * price
    energy_charge = (tenths_of_cents + 50) // 100
    is_industrial = (customers.segment == INDUSTRIAL)[:, None]
    demand_charge = np.where(is_industrial, usage.demand * DEMAND_PRICE * 100, 0)
    total = usage.energy["total"]
    power_factor = total / np.sqrt(total.astype(float) ** 2 + usage.reactive.astype(float) ** 2)
    percentage = np.interp(np.floor(100 * power_factor + 0.5), POWER_FACTORS, ADJUSTMENTS).round(0).astype(int)
    adjusted = (energy_charge + demand_charge) * np.where(is_industrial, percentage, 0)
    # Half a cent is rounded away from zero.
    adjustment = np.sign(adjusted) * ((np.abs(adjusted) + 5000) // 10_000)

    owner, month = np.nonzero(is_supplied(customers))
    period = customers.periods[month]
    issued = (period + 1).astype("datetime64[D]") + (ISSUE_DAY - 1)
    return Bills(
        owner=owner,
        month=month,
        customer=customers.number[owner],
        period=period,
        issued_on=issued,
        due_on=issued + DUE_AFTER_DAYS,
        kwh=total[owner, month],
        energy_charge=energy_charge[owner, month],
        demand_charge=demand_charge[owner, month],
        adjustment=adjustment[owner, month],
    )


def tariff_table(periods: Array) -> pa.Table:
    """The tariff file: prices in force throughout."""
    rows = [
        {
            "tariff_code": f"T-{segment}",
            "register": register,
            "valid_from": (periods[0].astype("datetime64[D]") - 5000).item(),
            "unit_price": f"{price / 10_000:.4f}",
            "demand_price": str(DEMAND_PRICE) if segment == "industrial" else None,
            "power_factor_standard": f"{POWER_FACTOR_STANDARD:.2f}" if segment == "industrial" else None,
            "capacity_price": None,
        }
        for segment, prices in PRICES.items()
        for register, price in prices.items()
    ]
    return pa.Table.from_pylist(rows).select([column.name for column in TARIFF.columns])


def bill_table(bills: Bills) -> pa.Table:
    """The bill file."""
    count = len(bills.owner)
    return pa.table(
        {
            "bill_id": document_id("B", bills.period, bills.customer),
            "customer_id": numbered("C", bills.customer),
            "period": pa.array(bills.period.astype(str)),
            "issued_on": pa.array(bills.issued_on),
            "due_on": pa.array(bills.due_on),
            "energy_kwh": decimal(bills.kwh * 1000, 3),
            "energy_charge": decimal(bills.energy_charge, 2),
            "demand_charge": decimal(bills.demand_charge, 2),
            "adjustment": decimal(bills.adjustment, 2),
            "amount": decimal(bills.cents, 2),
            "kind": pa.repeat("regular", count),
            "reverses_bill_id": pa.nulls(count, pa.string()),
            "disputed": pa.repeat(False, count),
        }
    ).select([column.name for column in BILL.columns])


def is_supplied(customers: Customers) -> Array:
    """Whether the contract has begun, by customer and month."""
    supplied: Array = customers.opened.astype("datetime64[M]")[:, None] <= customers.periods[None, :]
    return supplied

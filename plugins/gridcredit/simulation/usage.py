"""What customers use, what their meters show, and the bills that follow from tariff and reading.

A bill is exactly what its readings and tariff give: energy by register, maximum demand, power-factor surcharge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gridcredit.contract.extracts import BILL, METER, METER_READING, TARIFF
from gridcredit.simulation.columns import Array, days, decimal, document_id, numbered, words
from gridcredit.simulation.customers import COMMERCIAL, INDUSTRIAL, SEGMENTS, Customers

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
# The rule of 1983 for that standard: from which power factor on it adds what to the charges, in hundredths of a percent; even between.
POWER_FACTORS, ADJUSTMENTS = (0, 65, 70, 90, 95, 100), (14500, 1500, 1000, 0, -75, -75)
FIGURE_LIMIT = 10_000_000_000  # a register of six digits before the point starts anew, in units of 0.0001


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

    owner, month = np.nonzero(_is_supplied(customers))
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


def meter_table(customers: Customers, usage: Usage) -> pa.Table:
    """The meter file: one meter per customer, a second one where it was changed."""
    owner, is_second = _meters(customers, usage)
    changed_on = _change_day(customers, usage)[owner]
    has_second = _was_changed(customers, usage)[owner]
    return pa.table(
        {
            "meter_id": _meter_id(customers.number[owner], is_second),
            "customer_id": numbered("C", customers.number[owner]),
            "installed_on": days(np.where(is_second, changed_on + 1, customers.opened[owner])),
            "removed_on": days(changed_on, has_second & ~is_second),
            "multiplier": pa.array(customers.of("multiplier")[owner]),
        }
    ).select([column.name for column in METER.columns])


def reading_tables(
    rng: np.random.Generator, customers: Customers, usage: Usage, *, daily: bool = False
) -> Iterator[pa.Table]:
    """The reading file, a register at a time: a first figure of each meter, then one at each month's end, or each day's."""
    by_time = np.isin(customers.segment, (COMMERCIAL, INDUSTRIAL))
    industrial = customers.segment == INDUSTRIAL
    supplied = _is_supplied(customers)
    was_changed = _was_changed(customers, usage)
    start = rng.integers(0, FIGURE_LIMIT, size=len(customers.number))
    registers = [("total", usage.energy["total"], np.ones_like(by_time))]
    registers += [(name, usage.energy[name], by_time) for name in ("peak", "flat", "valley")]
    registers += [("reactive", usage.reactive, industrial), ("demand", usage.demand, industrial)]
    for name, amounts, has_register in registers:
        per_unit = 10_000 // customers.of("multiplier")
        supplied_amounts = np.where(supplied, amounts, 0)
        summed = np.cumsum(supplied_amounts, axis=1) * per_unit[:, None]
        owner, month = np.nonzero(supplied & has_register[:, None])
        is_second = was_changed[owner] & (month > usage.changed_in[owner])
        if name == "demand":
            figure = amounts[owner, month] * per_unit[owner]
        else:
            at_change = summed[owner, usage.changed_in[owner].clip(max=summed.shape[1] - 1)]
            figure = summed[owner, month] + np.where(is_second, -at_change, start[owner])
        tampered = (month == usage.tampered_from[owner]) & (rng.random(len(owner)) < 0.6)
        estimated = rng.random(len(owner)) < 0.02
        if daily and name != "demand":
            used = amounts[owner, month] * per_unit[owner]
            yield _daily_readings(name, customers, owner, is_second, customers.periods[month], figure, used)
        yield _readings(
            name,
            customers.number[owner],
            is_second,
            (customers.periods[month] + 1).astype("datetime64[D]") - 1,
            figure % FIGURE_LIMIT,
            np.where(estimated, "estimated", "actual"),
            np.where(tampered, "tamper", "normal"),
        )
        if name != "demand":
            owner, second = _meters(customers, usage)
            keep = has_register[owner]
            owner, second = owner[keep], second[keep]
            began = np.maximum(customers.opened[owner], customers.periods[0].astype("datetime64[D]")) - 1
            yield _readings(
                name,
                customers.number[owner],
                second,
                np.where(second, _change_day(customers, usage)[owner], began),
                np.where(second, 0, start[owner]),
                np.full(len(owner), "actual"),
                np.full(len(owner), "normal"),
            )


def _daily_readings(
    register: str, customers: Customers, owner: Array, is_second: Array, period: Array, figure: Array, used: Array
) -> pa.Table:
    """The days before each month's end, since the contract began: the month's use spread evenly over them."""
    end = (period + 1).astype("datetime64[D]") - 1
    length = (end - period.astype("datetime64[D]")).astype(int) + 1
    row = np.repeat(np.arange(len(length)), length - 1)
    days_left = np.arange(len(row)) - (np.cumsum(length - 1) - length + 1)[row] + 1
    is_supplied = end[row] - days_left >= customers.opened[owner[row]]
    row, days_left = row[is_supplied], days_left[is_supplied]
    return _readings(
        register,
        customers.number[owner[row]],
        is_second[row],
        end[row] - days_left,
        (figure[row] - used[row] * days_left // length[row]) % FIGURE_LIMIT,
        np.full(len(row), "actual"),
        np.full(len(row), "normal"),
    )


def _readings(
    register: str, customer: Array, is_second: Array, read_on: Array, figure: Array, quality: Array, event: Array
) -> pa.Table:
    return pa.table(
        {
            "meter_id": _meter_id(customer, is_second),
            "read_on": days(read_on),
            "register": pa.repeat(register, len(customer)),
            "reading": decimal(figure, 4),
            "quality": words(quality),
            "event": words(event),
        }
    ).select([column.name for column in METER_READING.columns])


def _meter_id(customer: Array, is_second: Array) -> pa.Array:
    return numbered("M", customer * 10 + 1 + is_second, 9)


def _meters(customers: Customers, usage: Usage) -> tuple[Array, Array]:
    """Each meter's customer, and whether it replaced another."""
    everyone = np.arange(len(customers.number))
    changed = np.flatnonzero(_was_changed(customers, usage))
    return np.concatenate([everyone, changed]), np.repeat([False, True], [len(everyone), len(changed)])


def _was_changed(customers: Customers, usage: Usage) -> Array:
    """A meter is changed at the end of a month in which it measured, and not in the last one."""
    months = len(customers.periods)
    month = usage.changed_in.clip(max=months - 1)
    changed: Array = (usage.changed_in < months - 1) & (
        customers.opened.astype("datetime64[M]") <= customers.periods[month]
    )
    return changed


def _change_day(customers: Customers, usage: Usage) -> Array:
    month = customers.periods[usage.changed_in.clip(max=len(customers.periods) - 1)]
    day: Array = (month + 1).astype("datetime64[D]") - 1
    return day


def _is_supplied(customers: Customers) -> Array:
    supplied: Array = customers.opened.astype("datetime64[M]")[:, None] <= customers.periods[None, :]
    return supplied

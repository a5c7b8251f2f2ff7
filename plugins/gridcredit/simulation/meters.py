"""The files of meters and readings: what the meters of simulated customers show of their use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gridcredit.contract.billing import METER, METER_READING
from gridcredit.simulation.columns import Array, days, decimal, numbered, words
from gridcredit.simulation.customers import COMMERCIAL, INDUSTRIAL, Customers
from gridcredit.simulation.usage import Usage, is_supplied

FIGURE_LIMIT = 10_000_000_000  # a register of six digits before the point starts again at zero, in units of 0.0001


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
    """The reading file, a register at a time: a first figure of each meter, then one at each month's end, or each
    day's.
    """
    by_time = np.isin(customers.segment, (COMMERCIAL, INDUSTRIAL))
    industrial = customers.segment == INDUSTRIAL
    supplied = is_supplied(customers)
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

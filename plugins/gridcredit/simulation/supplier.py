"""Writes the simulated supplier's files. Customers are made in blocks, each from its own random stream, so memory does
not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.simulation import corrections, disputes, events, meters, truth, usage
from gridcredit.simulation.attributes import attribute_tables
from gridcredit.simulation.columns import Array
from gridcredit.simulation.customers import customer_table, make_customers
from gridcredit.simulation.defects import inject_defects
from gridcredit.simulation.payments import make_payments, payment_table
from gridcredit.simulation.receipts import receipt_table

BLOCK = 20_000


def simulate(
    customers: int,
    months: int,
    seed: int,
    out: Path,
    *,
    through: date = date(2026, 6, 19),
    defects: int = 0,
    daily_readings: bool = False,
) -> None:
    """Write a CSV file of every extract into `out`, and what is hidden behind them into `out/truth`.

    `through` is the last day of data; the last period billed is the month before it. Defects are injected into
    that many rows and listed in truth/defects.csv. Meters are read at each month's end, or daily.
    """
    hidden = out / "truth"
    hidden.mkdir(parents=True, exist_ok=True)
    targets = {name: out / f"{name}.csv" for name in EXTRACTS}
    targets |= {"truth": hidden / "creditworthiness.csv", "theft": hidden / "theft.csv"}
    last_day = np.datetime64(through, "D")
    writers: dict[str, pyarrow.csv.CSVWriter] = {}

    def write(name: str, table: pa.Table) -> None:
        if name not in writers:
            options = pyarrow.csv.WriteOptions(quoting_style="needed")
            writers[name] = pyarrow.csv.CSVWriter(targets[name], table.schema, write_options=options)
        writers[name].write_table(table)

    try:
        write("tariff", usage.tariff_table(_periods(months, last_day)))
        for start in range(0, customers, BLOCK):
            block = np.arange(start, min(start + BLOCK, customers))
            for name, table in _block_tables(
                block, months, np.random.default_rng([seed, start]), last_day, daily_readings
            ):
                write(name, table)
    finally:
        for writer in writers.values():
            writer.close()
    inject_defects(defects, np.random.default_rng([seed, customers, defects]), out)


def _periods(months: int, through: np.datetime64) -> Array:
    periods: Array = through.astype("datetime64[M]") - 1 - np.arange(months)[::-1]
    return periods


def _block_tables(
    block: Array, months: int, rng: np.random.Generator, through: np.datetime64, daily_readings: bool
) -> Iterator[tuple[str, pa.Table]]:
    customers = make_customers(rng, block, _periods(months, through))
    yield "customer", customer_table(rng, customers)
    yield "truth", truth.creditworthiness_table(block, customers)
    used = usage.make_usage(rng, customers, through)
    yield "theft", truth.theft_table(customers, used)
    bills = usage.make_bills(customers, used)
    # What does not go by the book is drawn apart, so that the rest is the same with and without it.
    (odd,) = rng.spawn(1)
    payments = make_payments(rng, bills, customers.credit, through)
    payments = corrections.paid_by_landlords(odd, customers, bills, payments)
    yield "bill", usage.bill_table(bills)
    yield from (("bill", table) for table in corrections.bill_tables(odd, bills, through))
    yield "payment", payment_table(payments)
    yield from (("payment", table) for table in corrections.payment_tables(odd, bills, payments, through))
    yield from corrections.debt_tables(odd, customers, bills, payments, through)
    yield "meter", meters.meter_table(customers, used)
    readings = meters.reading_tables(rng, customers, used, daily=daily_readings)
    yield from (("meter_reading", table) for table in readings)
    yield from events.party_tables(rng, customers, through)
    yield from (("service_order", table) for table in events.service_order_tables(rng, customers, through))
    yield from (("inspection", table) for table in events.inspection_tables(rng, customers, used, through))
    yield "external_risk", events.external_risk_table(rng, customers, through)
    yield "investigation", events.investigation_table(rng, customers, through)
    yield from (("officer_assignment", table) for table in events.assignment_tables(rng, customers, through))
    yield from (
        ("collection_action", table) for table in events.action_tables(rng, customers, bills, payments, through)
    )
    # Drawn apart as well, so that the rest is the same with and without it.
    charged, disputed, known = rng.spawn(3)
    charges = events.late_charge_tables(charged, bills, payments, through)
    yield from (("late_charge_entry", table) for table in charges)
    yield from disputes.dispute_tables(disputed, bills, payments, through)
    yield from (("customer_attribute", table) for table in attribute_tables(known, customers, through))
    yield "grade_override", events.override_table(rng, customers, through)
    yield "warning_acknowledgement", events.acknowledgement_table(rng, customers, bills, payments, through)
    yield "policy_receipt", receipt_table(through)
    # The supplier has no definition of default of its own.
    yield "outcome", events.empty_table("outcome")

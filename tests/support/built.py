"""The warehouse that the oracles are compared with: simulated and wild customers, and what the oracles read of its
files.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from gridcredit import policies
from gridcredit.contract.billing import BILL, PAYMENT
from gridcredit.contract.customers import CUSTOMER
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Extract
from gridcredit.operations import runs
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect

from tests.support import oracle, shipped, usage_oracle
from tests.support.delivered import Delivered, as_oracles_read, read_rows
from tests.support.suppliers import deliver, write_rows
from tests.support.wild import draw_rows, hard_debtors, reformed_rows, wild_conduct, wild_customer, wild_meter

DAYS = [
    date(2025, 12, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
    date(2026, 4, 30),
    date(2026, 5, 31),
    date(2026, 6, 19),
]
POLICY = oracle.Policy(shipped.FOLDER)

FeaturesByDay = dict[tuple[date, str], oracle.Features]
Rated = dict[tuple[date, str], oracle.Rating]


@dataclass
class Built:
    settings: Settings
    ledger: oracle.Ledger
    months: dict[str, dict[int, usage_oracle.Month]]
    differences: dict[str, tuple[Decimal, ...]]
    delivered: Delivered

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        with connect(self.settings) as connection:
            return connection.execute(query).fetchall()


def bill_wrongly(path: Path) -> dict[str, tuple[Decimal, ...]]:
    """Change parts of some of the simulator's bills, which are otherwise exact; by bill the differences of parts and
    sum.

    Bills that a credit note names stay: of another amount they would be cancelled no longer.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    credited = {row["reverses_bill_id"] for row in rows}
    parts = ("energy_charge", "demand_charge", "adjustment")
    found: dict[str, tuple[Decimal, ...]] = {}
    # The last is within the policy's tolerance of 0.05, and no difference to report.
    wrong: dict[int, tuple[str | int, ...]] = {
        97: ("12.34", 0, 0),
        101: (0, "-5.00", "3.21"),
        103: ("0.06", 0, 0),
        107: (0, 0, "0.05"),
    }
    for number, row in enumerate(rows):
        for each, changes in wrong.items():
            if row["kind"] != "regular" or row["bill_id"] in credited | found.keys():
                continue
            if number % each == 5:
                changed = tuple(Decimal(change) for change in changes)
                for part, change in zip(parts, changed, strict=True):
                    row[part] = str(Decimal(row[part] or 0) + change)
                row["amount"] = str(Decimal(row["amount"]) + sum(changed))
                found[row["bill_id"]] = (*changed, sum(changed, Decimal(0)))
    write_rows(path, list(rows[0]), rows)
    return {bill: changed for bill, changed in found.items() if any(abs(one) > Decimal("0.05") for one in changed)}


def write(path: Path, extract: Extract, rows: list[dict[str, object]]) -> None:
    write_rows(path, [column.name for column in extract.columns], rows)


def build_oracle_warehouse(folder: Path, settings: Settings) -> None:
    """Simulated and wild customers, loaded and built as of all days; no gate would let them through."""
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
            "instalment",
            "dispute",
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
    for kind, batch in {
        "wild": draw_rows(len(drawn) // 3, lambda rng, number: wild_conduct(drawn[3 * number], rng, number))
        | draw_rows(meters, lambda rng, number: wild_meter(drawn[2 * number % len(drawn)], DAYS[-1], rng, number)),
        "reformed": reformed_rows(5),
        "hard": hard_debtors(),
    }.items():
        for name, rows in batch.items():
            path = folder / f"{name}_{kind}_{name}.csv"
            write(path, EXTRACTS[name], rows)
            paths.append(path)
    for path in paths:
        assert all(count.quarantined == 0 for count in deliver(path, settings).counts.values())
    run = runs.start_run("oracle", DAYS[-1], settings)
    policies.load_policies(settings)
    runner.build(run, DAYS)
    as_text = {bill: [str(one) for one in changed] for bill, changed in differences.items()}
    as_delivered = {"delivered": [path.name for path in paths], "differences": as_text}
    (folder / "delivered.json").write_text(json.dumps(as_delivered))


def read_built(folder: Path, settings: Settings) -> Built:
    """The warehouse, and its files as the oracles read them."""
    stored = json.loads((folder / "delivered.json").read_text())
    delivered = read_rows([folder / name for name in stored["delivered"]])
    differences = {bill: tuple(Decimal(one) for one in changed) for bill, changed in stored["differences"].items()}
    return Built(settings, *as_oracles_read(delivered), differences, delivered)

"""The warehouse that the oracles are compared with: simulated and wild customers, built once."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from gridcredit.extracts.contract import Extract
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse import connect

from tests.dbt import oracle, usage_oracle
from tests.dbt.delivered import Delivered

DAYS = [
    date(2025, 12, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
    date(2026, 4, 30),
    date(2026, 5, 31),
    date(2026, 6, 19),
]
POLICY = oracle.Policy(PROJECT_DIR / "policies" / "default" / "1.0")

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
    """Change parts of some of the simulator's bills, which are otherwise exact; by bill the differences of parts and sum."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = ("energy_charge", "demand_charge", "adjustment")
    found: dict[str, tuple[Decimal, ...]] = {}
    # The last is within the policy's tolerance of 0.05, and no difference to tell.
    wrong: dict[int, tuple[str | int, ...]] = {
        97: ("12.34", 0, 0),
        101: (0, "-5.00", "3.21"),
        103: ("0.06", 0, 0),
        107: (0, 0, "0.05"),
    }
    for number, row in enumerate(rows):
        for each, changes in wrong.items():
            if number % each == 5 and row["bill_id"] not in found:
                changed = tuple(Decimal(change) for change in changes)
                for part, change in zip(parts, changed, strict=True):
                    row[part] = str(Decimal(row[part] or 0) + change)
                row["amount"] = str(Decimal(row["amount"]) + sum(changed))
                found[row["bill_id"]] = (*changed, sum(changed, Decimal(0)))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return {bill: changed for bill, changed in found.items() if any(abs(one) > Decimal("0.05") for one in changed)}


def write(path: Path, extract: Extract, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in extract.columns], restval="")
        writer.writeheader()
        writer.writerows(rows)

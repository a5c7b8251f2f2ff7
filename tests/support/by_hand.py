"""Warehouses of a few hand-made accounts, built without gates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gridcredit import policies
from gridcredit.operations import runs
from gridcredit.settings import Settings
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect
from psycopg.rows import dict_row

from tests.support.suppliers import deliver


def build_by_hand(files: Mapping[str, str], dates: list[date], folder: Path, settings: Settings) -> None:
    """Deliver the text of each extract's file, of which no row may be bad, and build the models for the dates."""
    for name, text in files.items():
        loaded = deliver(folder / f"{name}.csv", settings, text)
        assert all(count.quarantined == 0 for count in loaded.counts.values()), name
    run = runs.start_run("by hand", dates[-1], settings)
    policies.load_policies(settings)
    runner.build(run, dates)


def rows_of(table: str) -> list[list[str]]:
    """The lines of a table as it stands in a test."""
    return [[cell.strip() for cell in line.split(",")] for line in table.strip().splitlines()]


class Hand:
    """A warehouse of hand-made accounts, as of its last day."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def row(self, table: str, customer: str) -> dict[str, Any]:
        """The customer's only row of a table."""
        with connect(self.settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(f"select * from {table} where customer_id = %s", [customer]).fetchall()
        assert len(rows) == 1, (table, customer, rows)
        return rows[0]

    def step(self, customer: str) -> tuple[Any, ...]:
        """The last step, the lapsed one, the next one and its first day."""
        row = self.row("candidate.work_list", customer)
        return row["last_step"], row["lapsed_step"], row["next_step"], row["earliest_on"]

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        with connect(self.settings) as connection:
            return connection.execute(query).fetchall()

"""What is rated on a day does not change when later facts come in: no model reads a fact after its date."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver, load

THEN, NOW = date(2026, 3, 31), RICH_DAY
# Days that are known before they come.
PLANNED = ("due_on", "promise_date", "ends_on")
FEATURES_THEN = (
    "select customer_id, to_jsonb(f) - 'customer_id' - 'as_of_date' from features.customer_feature as f "
    "where as_of_date = '2026-03-31'"
)
FEATURES_NOW = (
    "select customer_id, to_jsonb(f) - 'customer_id' - 'as_of_date' from features.customer_feature as f "
    "where as_of_date = '2026-03-31'"
)
RATINGS_THEN = "select customer_id, grade, grade_by_policy, score from published.customer_rating"
RATINGS_NOW = (
    "select customer_id, grade, grade_by_policy, score from published.rating_month_end where as_of_date = '2026-03-31'"
)


def cut(source: Path, target: Path, name: str) -> int:
    """The rows of a file that were known on the day, and of them the days known then; returns how many were left
    out.
    """
    extract = EXTRACTS[name]
    days = [
        column.name
        for column in extract.columns
        if column.kind == "date" and column.name not in (*PLANNED, *extract.keys)
    ]
    left_out = 0
    with source.open(newline="", encoding="utf-8") as file, target.open("w", newline="", encoding="utf-8") as out:
        reader = csv.DictReader(file)
        writer = csv.DictWriter(out, list(reader.fieldnames or ()))
        writer.writeheader()
        for row in reader:
            if row[extract.dated_by] > THEN.isoformat() and not extract.known_early:
                left_out += 1
                continue
            writer.writerow(row | {day: "" for day in days if row[day] > THEN.isoformat()})
    return left_out


def rows(settings: Settings, query: str) -> dict[str, tuple[object, ...]]:
    with connect(settings) as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute(query.encode()).fetchall()}


def test_later_facts_change_nothing_earlier(settings: Settings, rich: Prepared, tmp_path: Path) -> None:
    settings.history_months = 4
    (tmp_path / "then").mkdir()
    left_out = sum(cut(rich.files / f"{name}.csv", tmp_path / "then" / f"{name}.csv", name) for name in EXTRACTS)
    assert left_out > 1200
    load(tmp_path / "then", settings)
    pipeline.build_ratings("then", THEN, settings)
    features_then, ratings_then = rows(settings, FEATURES_THEN), rows(settings, RATINGS_THEN)
    assert len(ratings_then) > 120
    load(rich.files, settings)
    # New contracts for everybody, with twice the capacity and a deposit that would move the security.
    with (rich.files / "customer.csv").open(newline="", encoding="utf-8") as file:
        customers = list(csv.DictReader(file))
    with (tmp_path / "customer_later.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(customers[0]))
        writer.writeheader()
        for row in customers:
            change = {
                "contract_capacity_kva": "9999",
                "deposit_amount": "12345.00",
                "updated_at": "2026-05-01 00:00:00",
            }
            writer.writerow(row | change)
    deliver(tmp_path / "customer_later.csv", settings)
    pipeline.build_ratings("now", NOW, settings)
    assert rows(settings, RATINGS_NOW) == ratings_then
    features_now = rows(settings, FEATURES_NOW)
    assert {customer: features_now[customer] for customer in ratings_then} == {
        customer: features_then[customer] for customer in ratings_then
    }
    assert rows(settings, RATINGS_THEN) != ratings_then

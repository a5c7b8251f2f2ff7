"""The warehouses that are prepared, by name: with which settings, and how each is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate

from tests.support.built import build_oracle_warehouse
from tests.support.dbt_parse import parse
from tests.support.suppliers import BILLING, load

SMALL_EXTRACTS = (*BILLING, "officer_assignment")
# The last day of the simulated facts.
SMALL_DAY = RICH_DAY = date(2026, 6, 19)
EVALUATED_DAY = date(2026, 6, 18)
# A supplier's own word about one customer who was not late, and one who was.
REPORTED_OUTCOMES = ("C00000007", "C00000011")


@dataclass(frozen=True)
class Builder:
    """How a warehouse is built from nothing: into a folder its files, into settings' warehouse the rest."""

    build: Callable[[Path, Settings], None]
    options: dict[str, Any] = field(default_factory=dict)


def _empty(_: Path, settings: Settings) -> None:
    """As migrations leave it; and dbt's parse, with which the others begin."""
    parse(settings)


def _small(files: Path, settings: Settings) -> None:
    """Few customers, one month-end, one release."""
    simulate(80, 8, 3, files)
    load(files, settings, SMALL_EXTRACTS)
    pipeline.build_ratings("first", SMALL_DAY, settings)


def _rich(files: Path, settings: Settings) -> None:
    """26 months of all extracts, more than a year of month-ends, one release."""
    simulate(150, 26, 5, files)
    load(files, settings)
    pipeline.build_ratings("first", RICH_DAY, settings)


def _evaluated(files: Path, settings: Settings) -> None:
    """Three years of more customers, two years of ratings, and what became of them."""
    simulate(500, 38, 1, files, through=EVALUATED_DAY)
    reported = [f"{REPORTED_OUTCOMES[0]},2025-06-30,true", f"{REPORTED_OUTCOMES[1]},2025-06-30,false"]
    reported.append(f"{REPORTED_OUTCOMES[0]},{EVALUATED_DAY},true")
    (files / "outcome.csv").write_text("\n".join(["customer_id,as_of_date,defaulted", *reported, ""]))
    load(files, settings)
    pipeline.build_ratings("first", EVALUATED_DAY, settings)
    build_outcomes(settings)


BUILDERS = {
    "empty": Builder(_empty),
    "small": Builder(_small, {"history_months": 1}),
    # A year of warnings, and two month-ends before it.
    "rich": Builder(_rich, {"history_months": 14}),
    "evaluated": Builder(_evaluated, {"history_months": 24, "challenger": "regional"}),
    "oracle_warehouse": Builder(build_oracle_warehouse),
}

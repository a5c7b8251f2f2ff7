"""Simulated suppliers, and how their files are loaded."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import LoadResult, load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.settings import Settings

BILLING = ("customer", "bill", "payment")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a file of these columns; what a row does not have is empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def load(folder: Path, settings: Settings, extracts: Iterable[str] = EXTRACTS) -> None:
    """Load the files of a simulated supplier."""
    for name in extracts:
        deliver(folder / f"{name}.csv", settings)


def deliver(path: Path, settings: Settings, text: str | None = None) -> LoadResult:
    """Load one file by the simulator's mapping, with this text in it where one is given."""
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return load_file(path, load_mappings(settings.mappings_dir)["demo"], settings)

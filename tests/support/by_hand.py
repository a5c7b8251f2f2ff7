"""Warehouses of a few hand-made accounts, built without gates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from gridcredit import policies
from gridcredit.operations import runs
from gridcredit.settings import Settings
from gridcredit.transformation import runner

from tests.support.suppliers import deliver


def build_by_hand(files: Mapping[str, str], dates: list[date], folder: Path, settings: Settings) -> None:
    """Deliver the text of each extract's file, of which no row may be bad, and build the models for the dates."""
    for name, text in files.items():
        loaded = deliver(folder / f"{name}.csv", settings, text)
        assert all(count.quarantined == 0 for count in loaded.counts.values()), name
    run = runs.start_run("by hand", dates[-1], settings)
    policies.load_policies(settings)
    runner.build(run, dates)

"""Which files of the landing folder are loaded: those of a folder where nothing is being written any more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from gridcredit.ingestion.landing import ready_files
from gridcredit.settings import Settings

AGES = {"a.csv": 31.0, "b.csv": 90.0}


def delivered(folder: Path, ages: dict[str, float]) -> list[Path]:
    """Files that were last written so many seconds ago."""
    folder.mkdir(parents=True)
    for name, seconds in ages.items():
        (folder / name).write_text("id\n1\n")
        os.utime(folder / name, (time.time() - seconds, time.time() - seconds))
    return [folder / name for name in ages]


@pytest.mark.parametrize("written", [0.0, 25.0])
def test_what_comes_together_waits_for_the_last_of_it(tmp_path: Path, written: float) -> None:
    settings = Settings(home=tmp_path, landing_settle_seconds=30)
    newer, older = delivered(settings.landing_dir / "settled", AGES)
    delivered(settings.landing_dir / "arriving", AGES | {"c.csv": written})
    # The oldest first; a minute later, so to speak, the other folder too.
    assert ready_files(settings) == [older, newer]
    os.utime(settings.landing_dir / "arriving" / "c.csv", (0, 0))
    assert {path.parent.name for path in ready_files(settings)} == {"settled", "arriving"}


def test_what_is_unfinished_or_hidden_is_no_file_yet(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, landing_settle_seconds=30)
    delivered(settings.landing_dir / "demo", {".hidden.csv": 90, "a.csv.part": 90, "b.csv.tmp": 0})
    assert ready_files(settings) == []

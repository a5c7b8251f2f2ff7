"""A policy of many indicators, as State Grid Beijing's of 52: the default policy with other indicators in its place."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from gridcredit.contract.features import features
from gridcredit.settings import Settings

from tests.support import shipped


def write_policy(folder: Path, count: int = 52, name: str = "many") -> Path:
    """Write a policy of so many indicators under a policies folder; the points of none mean anything. Returns its
    own.
    """
    own = folder / name / "1.0"
    shutil.copytree(shipped.FOLDER, own)
    header = (own / "policy.yml").read_text(encoding="utf-8")
    header = header.replace("policy: default", f"policy: {name}").replace(shipped.VERSION, f"{name}-1.0")
    (own / "policy.yml").write_text(header, encoding="utf-8")
    (own / "required_weights.csv").unlink()
    dimensions = features(Settings())
    chosen = list(dimensions)[:count]
    weights = {indicator: Decimal(100 // count) for indicator in chosen}
    weights[chosen[0]] += 100 - sum(weights.values())
    rows = [
        (indicator, number, lower, upper, points, "MI1")
        for indicator, weight in weights.items()
        for number, lower, upper, points in ((1, "", "0.5", 0), (2, "0.5", "3", weight / 2), (3, "3", "", weight))
    ]
    write(own / "indicators.csv", [(one, dimensions[one], weights[one], "") for one in chosen])
    write(own / "bins.csv", rows)
    with (own / "reasons.csv").open("a", encoding="utf-8") as file:
        file.write("MI1,one of many indicators,多项指标之一\n")
    return own


def write(file: Path, rows: Sequence[tuple[object, ...]]) -> None:
    """Replace the rows of a table of a policy."""
    header = file.read_text(encoding="utf-8").splitlines()[0]
    with file.open("w", newline="", encoding="utf-8") as target:
        target.write(header + "\n")
        csv.writer(target, lineterminator="\n").writerows(rows)

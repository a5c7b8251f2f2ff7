"""Draws cost against size from the stored results."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt
import pandas as pd

SHOWN = {
    "full build": "full build",
    "daily run": "daily run, 1 % of customers changed",
    "postgres: features": "hand-written SQL, everything",
    "duckdb: features": "DuckDB, everything",
    "pandas: features": "pandas, everything",
}


def draw(results: Path) -> None:
    """Write cost_by_size.svg beside the results."""
    rows = [
        {
            "customers": stored["customers"],
            "readings": stored["readings"],
            "what": label,
            "seconds": stored["seconds and counts"][name],
        }
        for stored in (json.loads(path.read_text()) for path in sorted(results.glob("*-readings.json")))
        for name, label in SHOWN.items()
        if name in stored["seconds and counts"]
    ]
    chart = (
        alt.Chart(pd.DataFrame(rows), title="Seconds by number of customers, 24 months each")
        .mark_line(point=True)
        .encode(
            x=alt.X("customers:Q", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s")),
            y=alt.Y("seconds:Q", scale=alt.Scale(type="log")),
            color=alt.Color("what:N", title=None),
            strokeDash=alt.StrokeDash("readings:N", title="readings"),
        )
        .properties(width=520, height=320)
    )
    target = results / "cost_by_size.svg"
    chart.save(target)
    print(f"wrote {target}")

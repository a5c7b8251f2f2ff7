"""A trace as a drawn graph: one HTML page that opens from disk, with what is known of a node where one points at it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from gridcredit.lineage.graph import TITLES, Kind, Trace

COLOURS: dict[Kind, str] = {
    "row": "#1f6f78",
    "release": "#33414e",
    "approval": "#b3261e",
    "run": "#5b6b7a",
    "gate": "#c9a200",
    "policy": "#7a4fa3",
    "model": "#9db4c8",
    "record": "#2b62b0",
    "file": "#c65d00",
}
# From what is published to where it came from, left to right.
COLUMNS: tuple[tuple[Kind, ...], ...] = (
    ("row",),
    ("release", "approval", "run", "gate", "policy"),
    ("model",),
    ("record",),
    ("file",),
)


def as_html(trace: Trace) -> str:
    """The page."""
    nodes = _placed(trace)
    places = {node["id"]: node for node in nodes}
    links = pd.DataFrame(
        [
            {"x": places[one]["x"], "y": places[one]["y"], "x2": places[other]["x"], "y2": places[other]["y"]}
            for one, other in sorted(trace.edges)
            if one in places and other in places
        ],
        columns=["x", "y", "x2", "y2"],
    )
    height = 18 * max(node["row"] for node in nodes) + 60
    lines = (
        alt.Chart(links)
        .mark_rule(color="#c7d0d9", strokeWidth=0.6)
        .encode(x=alt.X("x:Q", axis=None), y=alt.Y("y:Q", axis=None), x2="x2:Q", y2="y2:Q")
    )
    base = alt.Chart(pd.DataFrame(nodes)).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, len(COLUMNS)])),
        y=alt.Y("y:Q", axis=None),
        tooltip=["kind:N", "name:N", "facts:N"],
    )
    kinds = [kind for kind in TITLES if any(node["kind"] == TITLES[kind] for node in nodes)]
    colour = alt.Color(
        "kind:N",
        title=None,
        scale=alt.Scale(domain=[TITLES[kind] for kind in kinds], range=[COLOURS[kind] for kind in kinds]),
        legend=alt.Legend(orient="top"),
    )
    points = base.mark_circle(size=70, opacity=1).encode(color=colour)
    labels = base.mark_text(align="left", dx=7, fontSize=10, limit=210).encode(text="name:N")
    chart = (
        alt.layer(lines, points, labels)
        .properties(width=1250, height=height, title=trace.title)
        .configure_view(stroke=None)
    )
    page: str = vl_convert.vegalite_to_html(chart.to_dict(), bundle=True)
    return page


def _placed(trace: Trace) -> list[dict[str, Any]]:
    """Each node with its place: a column for each group of kinds, top down."""
    column_of = {kind: number for number, kinds in enumerate(COLUMNS) for kind in kinds}
    ordered = sorted(trace.nodes.values(), key=lambda node: column_of[node.kind])
    placed = []
    for column, nodes in groupby(ordered, key=lambda node: column_of[node.kind]):
        for row, node in enumerate(nodes):
            placed.append(
                {
                    "id": node.id,
                    "kind": TITLES[node.kind],
                    "name": node.name,
                    "facts": node.text,
                    "x": column,
                    "y": -row,
                    "row": row,
                }
            )
    return placed

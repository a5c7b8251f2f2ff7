"""Draws what rests on what: one HTML page that opens from disk, with what is known of a box where one points at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

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
# Pixels that a column and a row of boxes take.
WIDTH, HEIGHT = 250, 18
# The picture scrolls within the page, which is as wide as the screen.
HEAD = """<title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>#vega-chart {{ display: block; overflow: auto; }}</style>"""
# The lines of the box under the pointer are drawn in red.
POINTED_AT = "isValid(pointer.id) && (pointer.id[0] === datum.one || pointer.id[0] === datum.other)"


@dataclass(frozen=True)
class Box:
    """What is drawn: `id` is its own, `group` decides its colour."""

    id: str
    group: str
    name: str
    text: str


def as_html(trace: Trace) -> str:
    """The page of a trace."""
    columns = [
        [Box(node.id, TITLES[kind], node.name, node.text) for kind in kinds for node in trace.of_kind(kind)]
        for kinds in COLUMNS
    ]
    return draw(trace.title, columns, trace.edges, {TITLES[kind]: colour for kind, colour in COLOURS.items()})


def draw(title: str, columns: Sequence[Sequence[Box]], edges: set[tuple[str, str]], colours: dict[str, str]) -> str:
    """The page: columns of boxes left to right, each top down, and a line for every edge whose two ends are drawn."""
    placed = pd.DataFrame(
        [
            {"id": box.id, "group": box.group, "name": box.name, "text": box.text, "x": x, "y": -y}
            for x, boxes in enumerate(columns)
            for y, box in enumerate(boxes)
        ]
    )
    places = placed.set_index("id")[["x", "y"]]
    ends = pd.DataFrame(sorted(edges), columns=["one", "other"])
    links = ends.join(places, on="one", how="inner").join(places, on="other", how="inner", rsuffix="2")
    lines = (
        alt.Chart(links)
        .mark_rule()
        .encode(
            x=alt.X("x:Q", axis=None),
            y=alt.Y("y:Q", axis=None),
            x2="x2:Q",
            y2="y2:Q",
            color=alt.when(POINTED_AT).then(alt.value("#b3261e")).otherwise(alt.value("#c7d0d9")),
            strokeWidth=alt.when(POINTED_AT).then(alt.value(1.4)).otherwise(alt.value(0.6)),
        )
    )
    pointer = alt.selection_point(name="pointer", on="pointerover", clear="pointerout", fields=["id"], empty=False)
    base = alt.Chart(placed).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, len(columns)])),
        y=alt.Y("y:Q", axis=None),
        tooltip=["group:N", "name:N", "text:N"],
    )
    groups = [group for group in colours if group in set(placed["group"])]
    colour = alt.Color(
        "group:N",
        title=None,
        scale=alt.Scale(domain=groups, range=[colours[group] for group in groups]),
        legend=alt.Legend(orient="top"),
    )
    points = base.mark_circle(size=70, opacity=1).encode(color=colour).add_params(pointer)
    labels = base.mark_text(align="left", dx=7, fontSize=10, limit=WIDTH - 40).encode(text="name:N")
    chart = (
        alt.layer(lines, points, labels)
        .properties(
            width=WIDTH * len(columns),
            height=HEIGHT * max(map(len, columns)) + 60,
            title=alt.Title(title, anchor="start"),
        )
        .configure_view(stroke=None)
    )
    page: str = vl_convert.vegalite_to_html(chart.to_dict(), bundle=True)
    return page.replace("<title>Chart</title>", HEAD.format(title=escape(title)), 1)

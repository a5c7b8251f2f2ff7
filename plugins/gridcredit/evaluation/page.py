"""The watch as a page: figures and their bounds, power over time, calibration, drift, migration, vintages, groups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import altair as alt
from markupsafe import Markup
from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.pages.charts import ACCENT, LEVELS, PALE, colours, frame, paired_bars, svg
from gridcredit.pages.template import render, write_page
from gridcredit.policies.evaluation_rules import Threshold, read_rules
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.currency import in_its_currency

Row = dict[str, Any]

QUERIES = {
    "figures": "select * from evaluation.rating_figure where watched_on = %(day)s order by scorer, figure, dimension, "
    "member",
    "history": "select as_of_date, scorer, figure, value, lower_bound, upper_bound from evaluation.rating_figure "
    "where figure in ('auc', 'ks') and dimension = '' order by as_of_date",
    "migration": "select grade_before, grade, customers from evaluation.grade_migration "
    "where as_of_date = (select max(as_of_date) from evaluation.grade_migration)",
    "vintages": "select as_of_date, months_after, default_rate from evaluation.vintage order by 1, 2",
    "openings": "select opened_month as as_of_date, months_after, default_rate from evaluation.opening_vintage order "
    "by 1, 2",
    "challenger": "select challenger_version, grade, challenger_grade, count(*) as customers, sum(exposure) as "
    "exposure "
    "from evaluation.challenger_rating where as_of_date = %(day)s group by 1, 2, 3",
    "notes": "select officer, note, noted_at from evaluation.breach_note where watched_on = %(day)s",
    "grades": "select grade, min(grade_rank) as grade_rank from policy.grades group by 1 union all select 'NR', 99 "
    "order by 2",
}


def write_watch(settings: Settings, out: Path | None = None) -> Path:
    """Write the page of the last watch; by default under `var/evaluations`, by its day.

    Raises:
        GridCreditError: nothing has been watched yet.
    """
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        settings = in_its_currency(settings, connection)
        last = cursor.execute("select max(watched_on) as day from evaluation.rating_figure").fetchone()
        day: date | None = last["day"] if last else None
        if day is None:
            raise GridCreditError("the ratings have not been watched yet: run `gridcredit watch`")
        rows = {name: cursor.execute(query, {"day": day}).fetchall() for name, query in QUERIES.items()}
    ranks = [row["grade"] for row in rows["grades"]]
    thresholds = read_rules(settings).thresholds
    facts = {
        "day": day,
        "currency": settings.currency,
        "rows": rows,
        "thresholds": {one.figure: one for one in thresholds},
        "charts": {
            "power": power_over_time(rows["history"]),
            "calibration": calibration(
                _of(rows["figures"], "default_rate"), _of(rows["figures"], "told_default_rate"), ranks
            ),
            "drift": drift(_of(rows["figures"], "psi"), thresholds),
            "migration": migration(rows["migration"], [*ranks, "left"]),
            "vintages": vintages(rows["vintages"]),
            "openings": vintages(rows["openings"]) if rows["openings"] else "",
        },
    }
    return write_page(
        out or settings.home / "evaluations" / f"{day}.html",
        render("gridcredit.evaluation", "page.html.j2", facts, {"figure": _figure}),
    )


def power_over_time(rows: Sequence[Row]) -> Markup:
    """AUC and KS of each watch, the challenger's dashed."""
    drawn = frame({**row, "as_of_date": row["as_of_date"].isoformat()} for row in rows)
    return svg(
        alt.Chart(drawn)
        .mark_line(point=True)
        .encode(
            x=alt.X("as_of_date:O", title=None),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(domain=[0, 1])),
            color=colours("figure", {"auc": ACCENT, "ks": LEVELS["orange"]}),
            strokeDash=alt.StrokeDash("scorer:N", legend=None),
        )
    )


def calibration(observed: Sequence[Row], expected: Sequence[Row], ranks: list[str]) -> Markup:
    """By grade the default rate that the policy states, and what was observed."""
    return paired_bars(
        (
            {"grade": row["member"], "what": what, "value": row["value"]}
            for what, rows in (("expected", expected), ("observed", observed))
            for row in rows
        ),
        {"expected": PALE, "observed": LEVELS["red"]},
        order=ranks,
        as_percent=True,
    )


def drift(rows: Sequence[Row], thresholds: list[Threshold]) -> Markup:
    """PSI of the score and each indicator, with the bounds."""
    drawn = frame({"indicator": row["member"], "psi": row["value"]} for row in rows if row["value"] is not None)
    bars = (
        alt.Chart(drawn)
        .mark_bar(color=ACCENT)
        .encode(y=alt.Y("indicator:N", sort="-x", title=None), x=alt.X("psi:Q", title=None))
    )
    bounds = [(one.warn, LEVELS["yellow"]) for one in thresholds if one.figure == "psi"]
    bounds += [(one.breach, LEVELS["red"]) for one in thresholds if one.figure == "psi"]
    for value, colour in bounds:
        bars = bars + alt.Chart(frame([{"psi": value}])).mark_rule(color=colour).encode(x="psi:Q")
    return svg(bars, height=14 * max(len(drawn), 4))


def migration(rows: Sequence[Row], ranks: list[str]) -> Markup:
    """From which grade a month earlier to which: customers in each cell."""
    base = alt.Chart(frame(rows)).encode(
        x=alt.X("grade:N", sort=ranks, title="to", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("grade_before:N", sort=ranks, title="from"),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("customers:Q", legend=None, scale=alt.Scale(type="symlog", range=["#eef3f6", ACCENT]))
    )
    return svg(cells + base.mark_text(fontSize=8).encode(text="customers:Q"), height=200)


def vintages(rows: Sequence[Row]) -> Markup:
    """Cumulative default rates by months since, a line for each month-end or month of opening; the youngest lines are
    the shortest.
    """
    drawn = frame({**row, "as_of_date": row["as_of_date"].isoformat()} for row in rows)
    return svg(
        alt.Chart(drawn)
        .mark_line()
        .encode(
            x=alt.X("months_after:Q", title="months after", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("default_rate:Q", title=None, axis=alt.Axis(format="%")),
            color=alt.Color("as_of_date:O", legend=None, scale=alt.Scale(range=[PALE, ACCENT])),
        ),
        height=200,
    )


def _of(rows: Sequence[Row], figure: str) -> list[Row]:
    return [row for row in rows if row["figure"] == figure]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"

"""The dashboard's charts, as SVG that stands in the page."""

from __future__ import annotations

from typing import Any

import altair as alt
from markupsafe import Markup

from gridcredit.pages.charts import ACCENT, INK, LEVELS, PALE, colours, frame, svg
from gridcredit.reporting.dashboard.facts import Row

Words = dict[str, Any]


def receivables(months: list[Row], t: Words, currency: str) -> Markup:
    """Bars of what is open at each month's end, what is overdue of it apart; a month that runs is drawn as
    unfinished.
    """
    drawn = frame(
        {"month": _month(row), "part": part, "amount": amount, "rank": rank, "is_running": row["is_running"]}
        for row in months
        for rank, (part, amount) in enumerate(
            ((t["overdue"], row["overdue"]), (t["not_due"], row["receivable"] - row["overdue"]))
        )
    )
    return svg(
        alt.Chart(drawn)
        .mark_bar(stroke=INK)
        .encode(
            x=alt.X("month:O", title=None),
            y=alt.Y("amount:Q", title=currency, axis=alt.Axis(format="~s", tickCount=4)),
            color=colours("part", {t["not_due"]: PALE, t["overdue"]: LEVELS["red"]}),
            order=alt.Order("rank:Q"),
            **_unfinished_where_running(),
        )
    )


def _unfinished_where_running() -> dict[str, Any]:
    """How bars of a month that runs look: pale and dashed."""
    running = alt.when(alt.datum.is_running)
    return {
        "opacity": running.then(alt.value(0.45)).otherwise(alt.value(1)),
        "strokeDash": running.then(alt.value([2, 2])).otherwise(alt.value([1, 0])),
        "strokeWidth": running.then(alt.value(1)).otherwise(alt.value(0)),
    }


def days_sales_outstanding(months: list[Row], t: Words) -> Markup:
    """DSO by month; a month without one, such as the running one, is not drawn."""
    drawn = frame({"month": _month(row), "dso": row["dso"]} for row in months if row["dso"] is not None)
    return svg(
        alt.Chart(drawn)
        .mark_line(color=ACCENT, point=alt.OverlayMarkDef(color=ACCENT, size=20))
        .encode(x=alt.X("month:O", title=None), y=alt.Y("dso:Q", title=t["days"], axis=alt.Axis(tickCount=4)))
    )


def ageing(buckets: list[Row], t: Words, currency: str) -> Markup:
    """What is open by days overdue."""
    drawn = frame(
        {"bucket": t["buckets"].get(row["ageing_bucket"], row["ageing_bucket"]), "amount": row["amount"]}
        for row in buckets
    )
    return svg(
        alt.Chart(drawn)
        .mark_bar(color=ACCENT)
        .encode(
            y=alt.Y("bucket:N", title=None, sort=None),
            x=alt.X("amount:Q", title=currency, axis=alt.Axis(format="~s", tickCount=5)),
        )
    )


def grades(rows: list[Row], t: Words) -> Markup:
    """Customers by grade, the best first."""
    drawn = frame({"grade": row["grade"], "customers": row["customers"]} for row in rows)
    base = alt.Chart(drawn).encode(
        x=alt.X("grade:N", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("customers:Q", title=t["customers"], axis=alt.Axis(tickCount=4)),
    )
    return svg(base.mark_bar(color=ACCENT) + base.mark_text(dy=-6, fontSize=9, color=INK).encode(text="customers:Q"))


def migration(rows: list[Row], t: Words) -> Markup:
    """From which grade at the last month-end to which now: customers in each cell."""
    ranks = {row[f"grade_{end}"]: row[f"rank_{end}"] for row in rows for end in ("before", "now")}
    order = sorted(ranks, key=lambda grade: ranks[grade])
    drawn = frame(
        {"before": row["grade_before"], "now": row["grade_now"], "customers": row["customers"]} for row in rows
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("now:N", title=t["now"], sort=order, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("before:N", title=t["month_end_before"], sort=order),
    )
    cells = base.mark_rect().encode(
        color=alt.Color("customers:Q", scale=alt.Scale(type="symlog", scheme="blues"), legend=None)
    )
    most = max((row["customers"] for row in rows), default=0)
    # The colours go by the logarithm.
    on_dark = alt.when(alt.datum.customers > most**0.6).then(alt.value("white")).otherwise(alt.value(INK))
    return svg(cells + base.mark_text(fontSize=9).encode(text="customers:Q", color=on_dark), height=190)


def warnings(rows: list[Row], t: Words) -> Markup:
    """Warnings that stand, by business unit and level."""
    drawn = frame(
        {"unit": row["org_unit"], "level": t["levels"][row["level"]], "warnings": row["warnings"]} for row in rows
    )
    return svg(
        alt.Chart(drawn)
        .mark_bar()
        .encode(
            y=alt.Y("unit:N", title=None),
            x=alt.X("warnings:Q", title=t["warnings"], axis=alt.Axis(tickCount=5)),
            color=colours("level", {t["levels"][level]: colour for level, colour in LEVELS.items()}),
        ),
        height=190,
    )


def warning_months(rows: list[Row], months: list[Row], t: Words) -> Markup:
    """Warnings opened and cleared, month by month; one that runs, by the months of receivables, is drawn as
    unfinished.
    """
    running = {row["as_of_date"].replace(day=1) for row in months if row["is_running"]}
    drawn = frame(
        {
            "month": f"{row['month']:%y-%m}",
            "event": t[row["event"]],
            "warnings": row["warnings"],
            "is_running": row["month"] in running,
        }
        for row in rows
    )
    return svg(
        alt.Chart(drawn)
        .mark_bar(stroke=INK)
        .encode(
            x=alt.X("month:O", title=None),
            xOffset=alt.XOffset("event:N", sort=[t["opened"], t["cleared"]]),
            y=alt.Y("warnings:Q", title=t["warnings"], axis=alt.Axis(tickCount=4)),
            color=colours("event", {t["opened"]: LEVELS["orange"], t["cleared"]: ACCENT}),
            **_unfinished_where_running(),
        )
    )


def forecasts(rows: list[Row], t: Words, currency: str) -> Markup:
    """What came in within a month of each month-end, beside what had been forecast."""
    drawn = frame(
        {"month": _month(row), "what": what, "amount": row[column]}
        for row in rows
        if row["months"] == 1
        for what, column in ((t["forecast"], "forecast_amount"), (t["came_in"], "collected_amount"))
        if row[column] is not None
    )
    return svg(
        alt.Chart(drawn)
        .mark_line(point=alt.OverlayMarkDef(size=20))
        .encode(
            x=alt.X("month:O", title=None),
            y=alt.Y("amount:Q", title=currency, axis=alt.Axis(format="~s", tickCount=4)),
            color=colours("what", {t["forecast"]: LEVELS["orange"], t["came_in"]: ACCENT}),
        )
    )


def _month(row: Row) -> str:
    return f"{row['as_of_date']:%y-%m-%d}" if (row["as_of_date"].day < 28) else f"{row['as_of_date']:%y-%m}"

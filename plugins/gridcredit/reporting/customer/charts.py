"""The report's charts, as SVG that stands in the page."""

from __future__ import annotations

from decimal import Decimal

import altair as alt
import pandas as pd
from markupsafe import Markup

from gridcredit.pages.charts import ACCENT, INK, PALE, svg
from gridcredit.reporting.customer.facts import Month, Row

# On paper the charts stand side by side.
SIZE = {"width": 330, "height": 130, "label_size": 8}


def bills_and_payments(months: list[Month], labels: dict[str, str]) -> Markup:
    """Bars of what was billed and what was paid, side by side, month by month."""
    rows = [
        {"month": f"{one.month:%y-%m}", "what": labels[what], "amount": float(amount)}
        for one in months
        for what, amount in (("billed", one.billed), ("paid", one.paid))
    ]
    order = [labels["billed"], labels["paid"]]
    chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=-60)),
            xOffset=alt.XOffset("what:N", sort=order),
            y=alt.Y("amount:Q", title=None, axis=alt.Axis(format="~s", tickCount=4)),
            color=alt.Color(
                "what:N",
                title=None,
                sort=order,
                scale=alt.Scale(domain=order, range=[PALE, ACCENT]),
                legend=alt.Legend(orient="top"),
            ),
        )
    )
    return svg(chart, **SIZE)


def grades(history: list[Row], current: Row, as_of: object) -> Markup:
    """The score month by month, each with its grade."""
    rows = [
        {"day": f"{row['as_of_date']:%y-%m}", "score": _number(row["score"]), "grade": row["grade"]} for row in history
    ]
    rows.append({"day": f"{as_of:%y-%m-%d}", "score": _number(current["score"]), "grade": current["grade"]})
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("day:O", title=None, sort=None, axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("score:Q", title=None, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5)),
    )
    return svg(
        base.mark_line(color=ACCENT, point=alt.OverlayMarkDef(color=ACCENT, size=18))
        + base.mark_text(dy=-9, fontSize=8, color=INK).encode(text="grade:N"),
        **SIZE,
    )


def _number(value: Decimal | None) -> float | None:
    return float(value) if value is not None else None

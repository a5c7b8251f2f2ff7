"""The report's charts, as SVG that stands in the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd
import vl_convert

from gridcredit.report.facts import Month, Row

BILLED, PAID, INK = "#9db4c8", "#1f6f78", "#33414e"


def bills_and_payments(months: list[Month], labels: dict[str, str]) -> str:
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
                scale=alt.Scale(domain=order, range=[BILLED, PAID]),
                legend=alt.Legend(orient="top"),
            ),
        )
    )
    return _svg(chart)


def grades(history: list[Row], current: Row, as_of: object) -> str:
    """The score month by month, each with its grade."""
    rows = [
        {"day": f"{row['as_of_date']:%y-%m}", "score": _number(row["score"]), "grade": row["grade"]} for row in history
    ]
    rows.append({"day": f"{as_of:%y-%m-%d}", "score": _number(current["score"]), "grade": current["grade"]})
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=alt.X("day:O", title=None, sort=None, axis=alt.Axis(labelAngle=-60)),
        y=alt.Y("score:Q", title=None, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5)),
    )
    return _svg(
        base.mark_line(color=PAID, point=alt.OverlayMarkDef(color=PAID, size=18))
        + base.mark_text(dy=-9, fontSize=8, color=INK).encode(text="grade:N")
    )


def _number(value: Decimal | None) -> float | None:
    return float(value) if value is not None else None


def _svg(chart: Any) -> str:  # noqa: ANN401 altair's layered and plain charts share no public base
    styled = (
        chart.properties(width=330, height=130)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK, gridColor="#e6eaee", domainColor="#b8c2cb", tickColor="#b8c2cb", labelFontSize=8
        )
    )
    return str(vl_convert.vegalite_to_svg(styled.to_json()))

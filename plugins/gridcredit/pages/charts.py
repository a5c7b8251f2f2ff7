"""How charts look, and charts as SVG that stands in a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from markupsafe import Markup

INK, GRID, AXIS, ACCENT, PALE = "#33414e", "#e6eaee", "#b8c2cb", "#1f6f78", "#9db4c8"
LEVELS = {"red": "#b3261e", "orange": "#c65d00", "yellow": "#c9a200", "blue": "#2b62b0"}


def frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as the chart library reads them: decimals as floats."""
    return pd.DataFrame(
        [{name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()} for row in rows]
    )


def colours(field: str, by_value: dict[str, str]) -> alt.Color:
    """A colour for each value of a field, with a legend on top."""
    scale = alt.Scale(domain=list(by_value), range=list(by_value.values()))
    return alt.Color(f"{field}:N", title=None, scale=scale, legend=alt.Legend(orient="top"))


def paired_bars(
    rows: Iterable[Mapping[str, Any]],
    by_what: dict[str, str],
    *,
    order: list[str] | None = None,
    as_percent: bool = False,
) -> Markup:
    """Bars of grades side by side: rows of `grade`, `what` and `value`, a colour for each `what`; in order of the rows
    without one.
    """
    axis = alt.Axis(format="%") if as_percent else alt.Axis()
    return svg(
        alt.Chart(frame(rows))
        .mark_bar()
        .encode(
            x=alt.X("grade:N", sort=order, title=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("what:N", sort=list(by_what)),
            y=alt.Y("sum(value):Q", title=None, axis=axis),
            color=colours("what", by_what),
        )
    )


def svg(chart: Any, *, width: int = 360, height: int = 150, label_size: int | None = None) -> Markup:  # noqa: ANN401 altair's layered and plain charts share no public base
    """The chart; empty data give an empty one, which says so better than a gap."""
    styled = (
        chart.properties(width=width, height=height)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            gridColor=GRID,
            domainColor=AXIS,
            tickColor=AXIS,
            **({"labelFontSize": label_size} if label_size else {}),
        )
    )
    return Markup(vl_convert.vegalite_to_svg(styled.to_json()))  # noqa: S704 our own SVG

"""The report's charts, as SVG that stands in the page: drawn here, since a hundred reports have two hundred of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from html import escape

from markupsafe import Markup

from gridcredit.pages.charts import ACCENT, AXIS, GRID, INK, PALE
from gridcredit.reporting.customer.facts import Month, Row

# On paper the charts stand side by side. The plot lies between these margins.
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 372, 190, 38, 22, 38
PLOT_WIDTH, PLOT_HEIGHT = WIDTH - LEFT - 4, HEIGHT - TOP - BOTTOM
UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


def bills_and_payments(months: list[Month], labels: dict[str, str]) -> Markup:
    """Bars of what was billed and what was paid, side by side, month by month; the last month runs, and is drawn
    lighter.
    """
    low = min([Decimal(0), *(min(one.billed, one.paid) for one in months)])
    scale = _Scale(low, max([Decimal(1), *(max(one.billed, one.paid) for one in months)]))
    step = PLOT_WIDTH / len(months)
    parts = [scale.axis(), _month_labels([f"{one.month:%y-%m}" for one in months])]
    for index, one in enumerate(months):
        for offset, (amount, colour) in enumerate(((one.billed, PALE), (one.paid, ACCENT))):
            x = LEFT + index * step + step * (0.1 + 0.4 * offset)
            top, bottom = sorted((scale.y(amount), scale.y(Decimal(0))))
            running = ' fill-opacity="0.5" stroke-dasharray="2 1" stroke="#26323c" stroke-width="0.4"'
            parts.append(
                f'<rect x="{x:.1f}" y="{top:.1f}" width="{step * 0.4:.1f}" height="{bottom - top:.1f}" '
                f'fill="{colour}"{running if index == len(months) - 1 else ""}/>'
            )
    for offset, (label, colour) in enumerate(((labels["billed"], PALE), (labels["paid"], ACCENT))):
        x = LEFT + 80 * offset
        parts.append(f'<rect x="{x}" y="4" width="8" height="8" fill="{colour}"/>{_text(x + 12, 11, label)}')
    return _svg(parts)


def grades(history: list[Row], current: Row, as_of: date) -> Markup:
    """The score month by month, each with its grade."""
    points = [(f"{row['as_of_date']:%y-%m}", row["score"], row["grade"]) for row in history]
    points.append((f"{as_of:%y-%m-%d}", current["score"], current["grade"]))
    scale = _Scale(Decimal(0), Decimal(100))
    step = PLOT_WIDTH / len(points)
    parts = [scale.axis(), _month_labels([day for day, _, _ in points])]
    before: tuple[float, float] | None = None
    for index, (_, score, grade) in enumerate(points):
        if score is None:
            before = None
            continue
        x, y = LEFT + (index + 0.5) * step, scale.y(score)
        if before:
            parts.append(
                f'<line x1="{before[0]:.1f}" y1="{before[1]:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="{ACCENT}" '
                'stroke-width="1.5"/>'
            )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{ACCENT}"/>{_text(x, y - 6, grade, anchor="middle")}'
        )
        before = x, y
    return _svg(parts)


class _Scale:
    """From amounts to pixels, with round steps."""

    def __init__(self, low: Decimal, high: Decimal) -> None:
        self.step = _round_step((high - low) / 4)
        self.low = math.floor(low / self.step) * self.step
        self.high = math.ceil(high / self.step) * self.step

    def y(self, amount: Decimal) -> float:
        return TOP + PLOT_HEIGHT * float((self.high - amount) / (self.high - self.low))

    def axis(self) -> str:
        ticks = [self.low + number * self.step for number in range(int((self.high - self.low) / self.step) + 1)]
        return "".join(
            f'<line x1="{LEFT}" y1="{self.y(tick):.1f}" x2="{WIDTH - 4}" y2="{self.y(tick):.1f}" '
            f'stroke="{GRID if tick else AXIS}"/>'
            f"{_text(LEFT - 4, self.y(tick) + 3, _short(tick), anchor='end')}"
            for tick in ticks
        )


def _round_step(wanted: Decimal) -> Decimal:
    """The least of 1, 2 and 5, times a power of ten, that is no less than wanted."""
    power = Decimal(10) ** wanted.adjusted()
    return next(step * power for step in (1, 2, 5, 10) if step * power >= wanted)


def _short(amount: Decimal) -> str:
    for size, letter in UNITS:
        if abs(amount) >= size:
            return f"{(amount / size).normalize():f}{letter}"
    return f"{amount.normalize():f}"


def _month_labels(labels: Sequence[str]) -> str:
    step = PLOT_WIDTH / len(labels)
    y = HEIGHT - BOTTOM + 8
    return "".join(
        f'<text x="{(x := LEFT + (index + 0.5) * step):.1f}" y="{y}" text-anchor="end" font-size="8" fill="{INK}" '
        f'transform="rotate(-60 {x:.1f} {y})">{label}</text>'
        for index, label in enumerate(labels)
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="8" text-anchor="{anchor}" fill="{INK}">{escape(text)}</text>'


def _svg(parts: list[str]) -> Markup:
    body = "".join(parts)
    return Markup(  # noqa: S704 our own SVG, its texts escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Helvetica, Arial, sans-serif" role="img">{body}</svg>'
    )

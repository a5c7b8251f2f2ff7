"""What the dashboard's lists are made of: cells, columns, rows that can be filtered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gridcredit.reporting.dashboard.facts import Row

# What a row may be filtered by: the filter's name, and the column that it goes by.
FILTERS = {"unit": "org_unit", "segment": "segment", "grade": "grade", "level": "level"}


@dataclass(frozen=True)
class Cell:
    """What a cell shows, what it is sorted by where that is another thing, its classes, and where it leads."""

    text: str
    value: Decimal | int | str | None = None
    look: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Head:
    """A column: its name, whether it holds numbers, and whether what is shown of it is summed up."""

    text: str
    is_number: bool = False
    is_summed: bool = False


# A row: what it is filtered by, and its cells.
Line = tuple[dict[str, str], list[Cell]]


@dataclass(frozen=True)
class Listing:
    """A list: rows of cells, each row with what it is filtered by."""

    id: str
    title: str
    heads: list[Head]
    lines: list[Line]
    notes: list[str] = field(default_factory=list)

    @property
    def filtered_by(self) -> list[str]:
        """The filters that its rows know."""
        return [name for name in FILTERS if any(name in place for place, _ in self.lines)]

    @property
    def is_summed(self) -> bool:
        return any(head.is_summed for head in self.heads)


def place(row: Row) -> dict[str, str]:
    """What a row is filtered by, of what it has."""
    return {name: row[column] for name, column in FILTERS.items() if row.get(column) is not None}


def choices(listings: Iterable[Listing], orders: dict[str, list[str]]) -> dict[str, list[str]]:
    """By filter the values that rows have, in their own order where they have one."""
    found: dict[str, set[str]] = {name: set() for name in FILTERS}
    for listing in listings:
        for values, _ in listing.lines:
            for name, value in values.items():
                found[name].add(value)
    return {
        name: [value for value in orders.get(name, []) if value in values] + sorted(values - set(orders.get(name, [])))
        for name, values in found.items()
    }


def money(value: Decimal | int | None) -> Cell:
    """An amount in whole units of the currency."""
    return Cell("–" if value is None else f"{value:,.0f}", value)


def percent(value: Decimal | None, look: str = "") -> Cell:
    """A share."""
    return Cell("–" if value is None else f"{100 * value:.1f} %", value, look)


def whole(value: int | None, look: str = "") -> Cell:
    """A number of things."""
    return Cell("–" if value is None else str(value), value, look)


def day(value: date | None) -> Cell:
    """A day."""
    return Cell("–" if value is None else str(value))

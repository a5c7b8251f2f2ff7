"""What the lineage page shows of each table: what it is made from, what is made of it, and the same of its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gridcredit.lineage.columns import ColumnName
from gridcredit.reporting.site.dictionary import LAYERS, Column, Relation


@dataclass(frozen=True)
class Place:
    """A table as the page names it, and as its address has it."""

    name: str
    layer: str

    @property
    def id(self) -> str:
        return f"{self.layer}.{self.name}"


@dataclass(frozen=True)
class ColumnPlace:
    """A column with those it is made from, and those that are made of it."""

    column: Column
    made_from: list[ColumnName]
    goes_into: list[ColumnName]


@dataclass(frozen=True)
class Neighbourhood:
    """A table between its neighbours; `further_*` are those behind them, up to what was delivered and what is
    published.
    """

    place: Place
    description: str
    columns: list[ColumnPlace]
    above: list[Place]
    below: list[Place]
    further_above: list[Place]
    further_below: list[Place]


def neighbourhoods(relations: list[Relation]) -> list[Neighbourhood]:
    """Every table, in the order of the layers."""
    places = {one.unique_id: Place(one.name, one.layer) for one in relations}
    above = {one.unique_id: [parent for parent in one.upstream if parent in places] for one in relations}
    below: dict[str, list[str]] = {name: [] for name in places}
    for name, parents in above.items():
        for parent in parents:
            below[parent].append(name)
    goes_into: dict[ColumnName, list[ColumnName]] = {}
    for one in relations:
        for column in one.columns:
            for up in column.upstream:
                goes_into.setdefault(up, []).append(ColumnName(one.layer, one.name, column.name))
    shown = {ColumnName(one.layer, one.name, column.name) for one in relations for column in one.columns}
    return [
        Neighbourhood(
            place=places[one.unique_id],
            description=one.description,
            columns=[
                ColumnPlace(
                    column,
                    [up for up in column.upstream if up in shown],
                    sorted(goes_into.get(ColumnName(one.layer, one.name, column.name), [])),
                )
                for column in one.columns
            ],
            above=_sorted(places[name] for name in above[one.unique_id]),
            below=_sorted(places[name] for name in below[one.unique_id]),
            further_above=_sorted(places[name] for name in _behind(one.unique_id, above)),
            further_below=_sorted(places[name] for name in _behind(one.unique_id, below)),
        )
        for one in relations
    ]


def _behind(start: str, neighbours: dict[str, list[str]]) -> set[str]:
    """All that is reached from a table, but its direct neighbours and itself."""
    seen, waiting = {start}, [start]
    while waiting:
        for name in neighbours[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen - {start, *neighbours[start]}


def _sorted(places: Iterable[Place]) -> list[Place]:
    order = [layer for layers in LAYERS for layer in layers]
    return sorted(set(places), key=lambda place: (order.index(place.layer), place.name))

"""What makes a table wrong for an expectation, and what beside it is still right.

Of a ready-made expectation it follows from its own arguments; of a query it is written down by hand in
tests/cases/expectations. All of it is SQL, where `{batch}` is the table and `{one}` a condition for its first row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import yaml

ONE = "ctid = (select min(ctid) from {batch})"


@dataclass(frozen=True)
class Case:
    """Statements after which an expectation holds, and others after each of which alone it must not."""

    right: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """How a column writes a value, and the least by which two of its values differ."""

    is_date: bool
    step: Decimal
    some: str = "1"

    def at(self, bound: Any, rounding: str) -> str:
        """The value nearest to a bound that the column can hold."""
        if self.is_date:
            return f"date '{bound}'"
        return str((Decimal(str(bound)) / self.step).to_integral_value(rounding) * self.step)


def unit_of(kind: str, scale: int | None) -> Unit:
    """By the type of a column as Postgres names it; a ratio has more decimals than matter."""
    if kind == "date":
        return Unit(is_date=True, step=Decimal(1), some="date '2024-01-31'")
    if kind == "text":
        return Unit(is_date=False, step=Decimal(1), some="'-'")
    if kind in ("integer", "bigint"):
        return Unit(is_date=False, step=Decimal(1))
    assert kind in ("numeric", "double precision"), kind
    return Unit(is_date=False, step=Decimal(1).scaleb(-(6 if scale is None else scale)))


def cases_by_hand(path: Path) -> dict[tuple[str, str], list[Case]]:
    """Those of a file, by table and description of the expectation."""
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        (table, description): _cases(cases)
        for table, checks in written.items()
        if table != "shared"
        for description, cases in checks.items()
    }


def _cases(written: Any) -> list[Case]:
    if isinstance(written, list):
        return [case for one in written for case in _cases(one)]
    if isinstance(written, str):
        return [Case((), (written,))]
    assert written.keys() <= {"right", "wrong", "columns"}, written
    columns = written.get("columns", [""])
    wrong = [text.replace("{column}", column) for text in _texts(written.get("wrong", [])) for column in columns]
    return [Case(tuple(_texts(written.get("right", []))), tuple(wrong))]


def _texts(written: Any) -> list[str]:
    return [written] if isinstance(written, str) else [text for one in written for text in _texts(one)]


Units = Callable[[str], Unit]


def ready_made_cases(kind: str, kwargs: dict[str, Any], units: Units, *, clean: bool) -> list[Case] | None:
    """How an expectation of a type of Great Expectations' own is made wrong; None of a type that is not known here.

    `clean` says that rows are wrong as the table was built, and are to be put right first.
    """
    makers = {
        "expect_column_values_to_be_between": _out_of_bounds,
        "expect_column_values_to_be_in_set": _not_in_set,
        "expect_column_values_to_not_be_null": _null,
        "expect_column_pair_values_a_to_be_greater_than_b": _out_of_order,
    }
    if kind not in makers:
        return None
    return makers[kind](kwargs, units, clean or "mostly" in kwargs)


def _out_of_bounds(kwargs: dict[str, Any], units: Units, clean: bool) -> list[Case]:
    _know(kwargs, "column", "min_value", "max_value", "strict_min", "mostly", "row_condition")
    column, unit = kwargs["column"], units(kwargs["column"])
    names, values, condition = _condition(kwargs)
    bounds: list[tuple[str, str]] = []
    inside: list[str] = []
    if "min_value" in kwargs:
        least = unit.at(kwargs["min_value"], ROUND_CEILING)
        if kwargs.get("strict_min"):
            bounds.append((f"{least} + {unit.step}", least))
        else:
            bounds.append((least, f"{least} - {unit.step}" if not unit.is_date else f"{least} - 1"))
        inside.append(f"{column} >= {bounds[-1][0]}")
    if "max_value" in kwargs:
        most = unit.at(kwargs["max_value"], ROUND_FLOOR)
        bounds.append((most, f"{most} + {unit.step}" if not unit.is_date else f"{most} + 1"))
        inside.append(f"{column} <= {most}")
    counted = f"{condition} and {column} is not null"
    cases = []
    for limit, beyond in bounds:
        right = [
            f"insert into {{batch}} ({', '.join([*names, column])}) select {', '.join([*values, limit])} "
            f"where not exists (select from {{batch}} where {counted})",
        ]
        if clean:
            right.append(f"update {{batch}} set {column} = {limit} where {counted} and not ({' and '.join(inside)})")
        right.append(
            f"update {{batch}} set {column} = {limit} where ctid = (select max(ctid) from {{batch}} where {counted})"
        )
        right += _as_many_as_may(kwargs, f"{column} = {beyond}", counted)
        cases.append(Case(tuple(right), (_one_more(f"{column} = {beyond}", f"{counted} and {column} <> {beyond}"),)))
    return cases


def _not_in_set(kwargs: dict[str, Any], units: Units, clean: bool) -> list[Case]:  # noqa: ARG001 as the others
    _know(kwargs, "column", "value_set")
    column, allowed = kwargs["column"], kwargs["value_set"]
    listed = ", ".join(f"'{value}'" for value in allowed)
    right = [f"insert into {{batch}} ({column}) values ('{value}')" for value in allowed]
    if clean:
        right.append(f"delete from {{batch}} where {column} not in ({listed})")
    # A value in other letters is another one.
    wrong = [_one_more(f"{column} = '{value}'", f"{column} is not null") for value in ("-", allowed[0].swapcase())]
    return [Case(tuple(right), tuple(wrong))]


def _null(kwargs: dict[str, Any], units: Units, clean: bool) -> list[Case]:
    _know(kwargs, "column", "mostly")
    column = kwargs["column"]
    right = [
        f"insert into {{batch}} ({column}) select {units(column).some} "
        f"where not exists (select from {{batch}} where {column} is not null)"
    ]
    if clean:
        right.append(f"delete from {{batch}} where {column} is null")
    right += _as_many_as_may(kwargs, f"{column} = null", "true")
    return [Case(tuple(right), (_one_more(f"{column} = null", f"{column} is not null"),))]


def _out_of_order(kwargs: dict[str, Any], units: Units, clean: bool) -> list[Case]:
    _know(kwargs, "column_A", "column_B", "or_equal", "ignore_row_if", "mostly")
    assert kwargs["or_equal"] is True
    later, earlier, unit = kwargs["column_A"], kwargs["column_B"], units(kwargs["column_A"])
    # Without it Great Expectations counts rows with one value missing as wrong.
    assert kwargs.get("ignore_row_if", "both_values_are_missing").endswith("missing")
    step = "1" if unit.is_date else str(unit.step)
    counted = f"{later} is not null and {earlier} is not null"
    right = [
        f"insert into {{batch}} ({later}, {earlier}) select {unit.some}, {unit.some} "
        f"where not exists (select from {{batch}} where {counted})"
    ]
    if clean:
        right.append(f"update {{batch}} set {later} = {earlier} where {counted} and {later} < {earlier}")
    right.append(
        f"update {{batch}} set {later} = {earlier} where ctid = (select max(ctid) from {{batch}} where {counted})"
    )
    before = f"{later} = {earlier} - {step}"
    right += _as_many_as_may(kwargs, before, counted)
    return [Case(tuple(right), (_one_more(before, f"{counted} and {later} >= {earlier}"),))]


def _know(kwargs: dict[str, Any], *names: str) -> None:
    """Refuse an argument that nothing here makes wrong."""
    assert kwargs.keys() <= set(names), f"tests/support/wrong_data.py knows no {sorted(kwargs.keys() - set(names))}"


def _condition(kwargs: dict[str, Any]) -> tuple[list[str], list[str], str]:
    """The rows that an expectation asks of: columns, their values, and both as a condition."""
    asked = kwargs.get("row_condition")
    if asked is None:
        return [], [], "true"
    assert (asked["type"], asked["operator"]) == ("comparison", "=="), asked
    name, value = asked["column"]["name"], f"'{asked['parameter']}'"
    return [name], [value], f"{name} = {value}"


def _as_many_as_may(kwargs: dict[str, Any], spoilt: str, counted: str) -> list[str]:
    """Make as many rows wrong as `mostly` lets pass."""
    if "mostly" not in kwargs:
        return []
    return [
        f"update {{batch}} set {spoilt} where ctid in (select ctid from {{batch}} where {counted} order by ctid limit "
        f"(select floor((1 - {kwargs['mostly']}) * count(*))::bigint from {{batch}} where {counted}))"
    ]


def _one_more(spoilt: str, still_right: str) -> str:
    return f"update {{batch}} set {spoilt} where ctid = (select min(ctid) from {{batch}} where {still_right})"

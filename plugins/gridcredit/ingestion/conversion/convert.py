"""From delivered text to typed columns, whole batches at a time.

Columns with few distinct values (dates, codes, flags) are parsed once per distinct value, in plain Python and so
strictly. Decimals are checked by one regular expression and stay text, which the database reads as exactly.
A value's fate never depends on its neighbours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.arrow import ARROW_TYPES
from gridcredit.contract.shapes import DECIMALS, Column, Extract
from gridcredit.ingestion.batch import Batch, BooleanMask, by_distinct, clean, filled_or_null, no_rows, to_mask
from gridcredit.ingestion.conversion.conditions import NOT_COMPARABLE, in_scope_of, meets, not_comparable
from gridcredit.ingestion.conversion.conventions import Conventions
from gridcredit.ingestion.conversion.dates import (
    FIRST_YEAR,
    YEARS_AHEAD,
    date_reader,
    is_likely_year,
    iso_moment,
    reckoned,
)
from gridcredit.ingestion.conversion.identifiers import not_identifier_reason, not_identifiers
from gridcredit.ingestion.conversion.invisible import invisible, invisible_reason
from gridcredit.ingestion.conversion.numerals import not_a_number, to_converted, to_decimal
from gridcredit.ingestion.conversion.spelling import coded, half_width
from gridcredit.ingestion.mapping.columns import DATED, FALSE_WORDS, PLACEHOLDER, TRUE_WORDS, ColumnRule
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule


@dataclass(frozen=True)
class Rejected:
    """A row of a batch that is not accepted: its index, and the first column that is wrong."""

    index: int
    column: str
    value: str | None
    reason: str


@dataclass(frozen=True)
class Converted:
    """One extract's share of a batch: `rows` has a row per row of the batch; `keep` marks those to load."""

    rows: dict[str, pa.Array]
    keep: BooleanMask
    rejected: list[Rejected]
    filtered: int
    set_aside: Counter[str]
    deleted: BooleanMask
    conventions: dict[str, Conventions]


def convert(batch: Batch, extract: Extract, rule: ExtractRule, file_rule: FileRule, file_name: str) -> Converted:
    """Make one extract's typed columns of a batch, and say which rows are wrong and why."""
    in_scope, aside = in_scope_of(batch, rule.where, file_rule)
    deleted = meets(batch, rule.deleted, file_rule) if rule.deleted else no_rows(batch.row_count)
    faults = _Faults(batch.row_count)
    for condition in rule.conditions():
        # Whether such a row meets it cannot be said.
        values = batch.columns[condition.tested]
        in_scope |= faults.add_invisible(condition.tested, None, values, None)
        undecided = not_comparable(batch, condition, file_rule)
        faults.add(condition.tested, values, undecided, NOT_COMPARABLE)
        in_scope |= undecided
    rows: dict[str, pa.Array] = {}
    conventions: dict[str, Conventions] = {}
    for column in extract.columns:
        column_rule = rule.rule_of(column.name)
        for source in column_rule.sources():
            if source in batch.columns:
                faults.add_invisible(column.name, column, batch.columns[source], in_scope)
        is_free_text = column.kind == "text" and not column.is_identifier and column_rule.values is None
        text = column_text(batch, column_rule, file_rule, file_name, is_free_text)
        typed, bad = to_type(text, column, column_rule, file_rule)
        rows[column.name] = typed
        bad &= in_scope
        if bad.any():
            conventions[column.name] = Conventions.of(
                text.filter(pa.array(in_scope)), int(bad.sum()), column, column_rule, file_rule
            )
            faults.add(column.name, text, bad, partial(_reason, column=column, rule=column_rule, file_rule=file_rule))
        faults.add(column.name, text, _missing(text, column, deleted) & in_scope, "is missing")
    if extract.named is not None:
        rows["value"] = _named_values(rows, extract.named, rule.rule_of("value"), file_rule, faults, in_scope)
    filtered = int(batch.row_count - in_scope.sum())
    # Rows that a condition could not judge are wrong, not set aside.
    set_aside = Counter({words: int((rows_aside & ~in_scope).sum()) for words, rows_aside in aside})
    return Converted(rows, in_scope & ~faults.wrong, faults.rejected, filtered, set_aside, deleted, conventions)


def _named_values(
    rows: dict[str, pa.Array],
    named: tuple[Column, ...],
    rule: ColumnRule,
    file_rule: FileRule,
    faults: _Faults,
    in_scope: BooleanMask,
) -> pa.Array:
    """The values of rows that name what they are of, each as text of the name's own type: `true`, 2026-01-31, 12.5."""
    names, values = rows["name"], rows["value"]
    known = pa.array([column.name for column in named], pa.string())
    undeclared = to_mask(pc.and_(pc.is_valid(names), pc.invert(pc.is_in(names, known))))
    faults.add("name", names, undeclared & in_scope, "is not declared in policies/attributes.yml")
    found = values
    for column in named:
        of_name = to_mask(pc.equal(names, column.name))
        if of_name.any():
            own = pc.if_else(pa.array(of_name), values, pa.scalar(None, pa.string()))
            typed, bad = to_type(own, column, rule, file_rule)
            faults.add(
                "value",
                values,
                bad & in_scope,
                partial(_reason_of_named, column=column, rule=rule, file_rule=file_rule),
            )
            found = pc.if_else(pa.array(of_name), pc.cast(typed, pa.string()), found)
    return found


def _reason_of_named(value: str, column: Column, rule: ColumnRule, file_rule: FileRule) -> str:
    return f"of {column.name} {_reason(value, column, rule, file_rule)}"


class _Faults:
    """The rows of a batch that are wrong, each with its first fault."""

    def __init__(self, row_count: int) -> None:
        self.wrong = no_rows(row_count)
        self.first: dict[int, Rejected] = {}

    def add(self, column: str, values: pa.Array, mask: BooleanMask, reason: str | Callable[[str], str]) -> None:
        """Mark rows as wrong, with their values and why."""
        for index in map(int, np.flatnonzero(mask)):
            value = values[index].as_py()
            why = reason if isinstance(reason, str) else reason(value)
            self.first.setdefault(index, Rejected(index, column, value, why))
        self.wrong |= mask

    def add_invisible(
        self, name: str, column: Column | None, values: pa.Array, in_scope: BooleanMask | None
    ) -> BooleanMask | bool:
        """Mark rows whose source value holds an invisible character; returns which."""
        found = invisible(values, column)
        if found is None:
            return False
        if in_scope is not None:
            found &= in_scope
        self.add(name, values, found, lambda value: invisible_reason(value, column))
        return found

    @property
    def rejected(self) -> list[Rejected]:
        return [self.first[index] for index in sorted(self.first)]


def unread_columns(batch: Batch, names: list[str]) -> pa.Array:
    """What the file holds in columns that nothing reads, as a JSON object of text in each row."""
    parts: list[pa.Array | pa.Scalar] = []
    for name in names:
        # Written once per distinct value: such columns are mostly codes.
        values = by_distinct(batch.columns[name], pa.string(), lambda value: json.dumps(storable(value)))[0]
        parts += [pa.scalar(f"{', ' if parts else '{'}{json.dumps(name)}: "), values]
    return pc.binary_join_element_wise(*parts, pa.scalar("}"), pa.scalar(""))


def column_text(
    batch: Batch, rule: ColumnRule, file_rule: FileRule, file_name: str, is_free_text: bool = False
) -> pa.Array:
    """The canonical column as cleaned text, before typing; null where the source has nothing.

    Free text stays as it is spelt.
    """

    def read(source: str) -> pa.Array:
        return clean(batch.columns[source]) if is_free_text else coded(batch.columns[source], file_rule)

    if rule.constant is not None:
        return pa.repeat(pa.scalar(rule.constant, pa.string()), batch.row_count)
    if rule.template is not None:
        text = _template(batch, rule.template, file_name if batch.row_keys is None else file_rule.pattern, read)
    elif rule.source in batch.columns:
        text = read(rule.source)
    else:
        return pa.nulls(batch.row_count, pa.string())
    if rule.values is not None:
        table = rule.values
        text = by_distinct(
            text, pa.string(), lambda value: table.get(value, value if rule.otherwise is None else rule.otherwise)
        )[0]
        text = filled_or_null(text.fill_null(table[""]) if "" in table else text)
    if rule.case is not None:
        text = pc.utf8_upper(text) if rule.case == "upper" else pc.utf8_lower(text)
    return text


def _template(batch: Batch, template: str, file_name: str, read: Callable[[str], pa.Array]) -> pa.Array:
    parts: list[pa.Array | pa.Scalar] = []
    position = 0
    for match in PLACEHOLDER.finditer(template):
        parts.append(pa.scalar(template[position : match.start()], pa.string()))
        name = match.group(1)
        if name == "_line":
            parts.append(
                batch.row_keys if batch.row_keys is not None else pc.cast(pa.array(batch.source_lines), pa.string())
            )
        else:
            parts.append(pa.scalar(file_name, pa.string()) if name == "_file" else read(name))
        position = match.end()
    parts.append(pa.scalar(template[position:], pa.string()))
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()))


def _missing(text: pa.Array, column: Column, deleted: BooleanMask) -> BooleanMask:
    """Where a required value is not there; a tombstone needs no more than its key."""
    if not column.required or text.null_count == 0:
        return no_rows(len(text))
    missing = to_mask(pc.is_null(text))
    return missing if column.key else missing & ~deleted


def to_type(text: pa.Array, column: Column, rule: ColumnRule, file_rule: FileRule) -> tuple[pa.Array, BooleanMask]:
    """Type a column of cleaned text, decimals as plain text; the mask marks values that are there but do not fit."""
    if file_rule.full_width and column.kind != "text":
        text = half_width(text)
    if column.kind == "text":
        if not column.is_identifier:
            return text, no_rows(len(text))
        return text, not_identifiers(text)
    if column.kind in DECIMALS:
        factor = rule.conversion(column)
        separators = (file_rule.decimal_separator, file_rule.thousands_separator)
        if factor is not None:
            typed, bad = to_converted(text, column, *separators, factor)
        else:
            typed, bad = to_decimal(text, column, *separators)
        return (_negated(typed) if rule.negated else typed), bad
    parser = _parser(column, rule, file_rule)
    return by_distinct(text, ARROW_TYPES[column.kind], parser)


def _negated(numbers: pa.Array) -> pa.Array:
    """Decimals, plain or converted ones, with their sign turned."""
    if pa.types.is_decimal(numbers.type):
        return pc.negate(numbers)
    numbers = pc.utf8_ltrim(numbers, characters="+")
    return pc.if_else(
        pc.starts_with(numbers, "-"),
        pc.utf8_slice_codeunits(numbers, 1),
        pc.binary_join_element_wise(pa.scalar("-"), numbers, ""),
    )


def _parser(column: Column, rule: ColumnRule, file_rule: FileRule) -> Callable[[str], object]:
    if column.kind == "code":
        return lambda value: value if value in column.values else None
    if column.kind == "boolean":
        return lambda value: True if value.lower() in TRUE_WORDS else False if value.lower() in FALSE_WORDS else None
    zone = ZoneInfo(file_rule.time_zone)
    read = _date_reader(column, rule, file_rule)

    def parse(value: str) -> object:
        try:
            moment = read(value)
            if not is_likely_year(moment.year):
                return None
            moment = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
            moment = reckoned(moment, rule)
        except (ValueError, OverflowError):
            return None
        if column.kind == "timestamp":
            return moment.astimezone(UTC)
        return moment.date().replace(day=1) if column.kind == "month" else moment.date()

    return parse


def _date_reader(column: Column, rule: ColumnRule, file_rule: FileRule) -> Callable[[str], datetime]:
    by_format = date_reader(file_rule.format_of(column, rule), file_rule)

    def read(value: str) -> datetime:
        try:
            return by_format(value)
        except ValueError:
            if file_rule.format == "csv" and not file_rule.iso_dates:
                raise
            return iso_moment(value)  # so are dates and times written that were no text in their file

    return read


def storable(text: str) -> str:
    """Postgres cannot hold a NUL character; its Unicode picture stands for it."""
    return text.replace("\0", "␀")


def _reason(value: str, column: Column, rule: ColumnRule, file_rule: FileRule) -> str:
    if column.kind == "code":
        return f"is not one of {', '.join(column.values)}"
    if column.kind == "boolean":
        return "is not yes or no"
    if column.kind == "text":
        return not_identifier_reason(value)
    if column.kind in DATED:
        return _not_dated(value, column, rule, file_rule)
    return not_a_number(value, column)


def _not_dated(value: str, column: Column, rule: ColumnRule, file_rule: FileRule) -> str:
    with suppress(ValueError):
        year = _date_reader(column, rule, file_rule)(value).year
        if not is_likely_year(year):
            return (
                f"is of the year {year}, before {FIRST_YEAR} or more than {YEARS_AHEAD} years ahead: of another "
                "calendar, or cut short? `values` in the mapping say what it stands for"
            )
    return f"is not a {column.kind} written as {file_rule.format_of(column, rule)}"

"""From delivered text to typed columns, whole batches at a time.

Columns with few distinct values (dates, codes, flags) are parsed once per distinct value, in plain Python and so
strictly. Decimals are checked by one regular expression and stay text, which the database reads as exactly.
A value's fate never depends on its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.extracts.batch import Batch
from gridcredit.extracts.contract import DECIMALS, Column, Extract
from gridcredit.extracts.mapping import PLACEHOLDER, ColumnRule, Condition, ExtractRule, FileRule

BooleanMask = npt.NDArray[np.bool_]
ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "code": pa.string(),
    "date": pa.date32(),
    "month": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "boolean": pa.bool_(),
} | {kind: pa.decimal128(digits, scale) for kind, (digits, scale) in DECIMALS.items()}
TRUE_WORDS, FALSE_WORDS = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}


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
    deleted: BooleanMask


def convert(batch: Batch, extract: Extract, rule: ExtractRule, file_rule: FileRule, file_name: str) -> Converted:
    """Make one extract's typed columns of a batch, and tell which rows are wrong and why."""
    in_scope = _matching(batch, rule.where)
    deleted = _matching(batch, [rule.deleted]) if rule.deleted else np.zeros(batch.row_count, dtype=bool)
    wrong = np.zeros(batch.row_count, dtype=bool)
    first_fault: dict[int, Rejected] = {}
    rows: dict[str, pa.Array] = {}
    for column in extract.columns:
        column_rule = rule.columns.get(column.name, ColumnRule(**{"from": column.name}))
        text = column_text(batch, column_rule, file_name)
        typed, bad = to_type(text, column, column_rule, file_rule)
        rows[column.name] = typed
        for mask, reason in (
            (bad, _reason(column, column_rule, file_rule)),
            (_missing(text, column, deleted), "is missing"),
        ):
            for index in np.flatnonzero(mask & in_scope):
                first_fault.setdefault(int(index), Rejected(int(index), column.name, text[int(index)].as_py(), reason))
            wrong |= mask
    rejected = [first_fault[index] for index in sorted(first_fault)]
    filtered = int(batch.row_count - in_scope.sum())
    return Converted(rows, in_scope & ~wrong, rejected, filtered, deleted)


def unread_columns(batch: Batch, names: list[str]) -> pa.Array:
    """What the file holds in columns that nothing reads, as a JSON object of text in each row."""
    parts: list[pa.Array | pa.Scalar] = []
    for name in names:
        # Written once per distinct value: such columns are mostly codes.
        values = _by_distinct(batch.columns[name], pa.string(), lambda value: json.dumps(storable(value)))[0]
        parts += [pa.scalar(f"{', ' if parts else '{'}{json.dumps(name)}: "), values]
    return pc.binary_join_element_wise(*parts, pa.scalar("}"), pa.scalar(""))


def _matching(batch: Batch, conditions: list[Condition]) -> BooleanMask:
    mask = np.ones(batch.row_count, dtype=bool)
    for condition in conditions:
        values = _clean(batch.columns[condition.column])
        if condition.equals is not None:
            mask &= _mask(pc.is_in(values, pa.array(condition.equals, pa.string())))
        else:
            mask &= _mask(pc.is_valid(values)) == condition.filled
    return mask


def column_text(batch: Batch, rule: ColumnRule, file_name: str) -> pa.Array:
    """The canonical column as cleaned text, before typing; null where the source has nothing."""
    if rule.constant is not None:
        return pa.repeat(pa.scalar(rule.constant, pa.string()), batch.row_count)
    if rule.template is not None:
        text = _template(batch, rule.template, file_name)
    elif rule.source in batch.columns:
        text = _clean(batch.columns[rule.source])
    else:
        return pa.nulls(batch.row_count, pa.string())
    if rule.values is not None:
        table = rule.values
        text = _by_distinct(text, pa.string(), lambda value: table.get(value, rule.otherwise or value))[0]
    if rule.case is not None:
        text = pc.utf8_upper(text) if rule.case == "upper" else pc.utf8_lower(text)
    return text


def _template(batch: Batch, template: str, file_name: str) -> pa.Array:
    parts: list[pa.Array | pa.Scalar] = []
    position = 0
    for match in PLACEHOLDER.finditer(template):
        parts.append(pa.scalar(template[position : match.start()], pa.string()))
        name = match.group(1)
        if name == "_line":
            parts.append(pc.cast(pa.array(batch.line_no), pa.string()))
        else:
            parts.append(pa.scalar(file_name, pa.string()) if name == "_file" else _clean(batch.columns[name]))
        position = match.end()
    parts.append(pa.scalar(template[position:], pa.string()))
    return pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()))


def _clean(values: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(pc.binary_length(trimmed), 0), pa.scalar(None, pa.string()), trimmed)


def _missing(text: pa.Array, column: Column, deleted: BooleanMask) -> BooleanMask:
    """Where a required value is not there; a tombstone needs no more than its key."""
    if not column.required or text.null_count == 0:
        return np.zeros(len(text), dtype=bool)
    missing = _mask(pc.is_null(text))
    return missing if column.key else missing & ~deleted


def to_type(text: pa.Array, column: Column, rule: ColumnRule, file_rule: FileRule) -> tuple[pa.Array, BooleanMask]:
    """Type a column of cleaned text, decimals as plain text; the mask marks values that are there but do not fit."""
    if file_rule.full_width and column.kind != "text":
        text = pc.utf8_normalize(text, "NFKC")
    if column.kind == "text":
        bad = _mask(pc.match_substring(text, "\0"))
        return text, bad
    if column.kind in DECIMALS:
        return _to_decimal(text, column, file_rule)
    parser = _parser(column, rule, file_rule)
    return _by_distinct(text, ARROW_TYPES[column.kind], parser)


def _parser(column: Column, rule: ColumnRule, file_rule: FileRule) -> Callable[[str], object]:
    if column.kind == "code":
        return lambda value: value if value in column.values else None
    if column.kind == "boolean":
        return lambda value: True if value.lower() in TRUE_WORDS else False if value.lower() in FALSE_WORDS else None
    shift = timedelta(days=rule.add_days)
    pattern = rule.format or _default_format(column, file_rule)
    zone = ZoneInfo(file_rule.time_zone)

    def read(value: str) -> datetime:
        try:
            return datetime.strptime(value, pattern)  # noqa: DTZ007 - the zone is set below
        except ValueError:
            if file_rule.format == "csv" and not file_rule.iso_dates:
                raise
            return datetime.fromisoformat(value)  # so are dates and times written that were no text in their file

    def parse(value: str) -> object:
        try:
            moment = read(value) + shift
        except (ValueError, OverflowError):
            return None
        if column.kind == "timestamp":
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
        return moment.date().replace(day=1) if column.kind == "month" else moment.date()

    return parse


def _default_format(column: Column, file_rule: FileRule) -> str:
    formats = {
        "date": file_rule.date_format,
        "month": file_rule.month_format,
        "timestamp": file_rule.timestamp_format,
    }
    return formats[column.kind]


def _by_distinct(
    text: pa.Array, arrow_type: pa.DataType, parse: Callable[[str], object]
) -> tuple[pa.Array, BooleanMask]:
    encoded = text.dictionary_encode()
    parsed = [parse(value) for value in encoded.dictionary.to_pylist()]
    typed = pa.array(parsed, arrow_type).take(encoded.indices)
    return typed, _mask(pc.and_(pc.is_null(typed), pc.is_valid(text)))


def _to_decimal(text: pa.Array, column: Column, file_rule: FileRule) -> tuple[pa.Array, BooleanMask]:
    plain = text
    if file_rule.thousands_separator:
        plain = pc.replace_substring(plain, file_rule.thousands_separator, "")
    if file_rule.decimal_separator != ".":
        plain = pc.replace_substring(plain, file_rule.decimal_separator, ".")
    precision, scale = DECIMALS[column.kind]
    digits = precision - scale
    fits = pc.match_substring_regex(plain, rf"^[+-]?[0-9]{{1,{digits}}}(\.[0-9]{{1,{scale}}})?$")
    bad = _mask(pc.invert(fits))
    if bad.any():
        plain = pc.if_else(fits, plain, pa.scalar(None, pa.string()))
    return plain, bad


def storable(text: str) -> str:
    """Postgres cannot hold a NUL character; its Unicode picture stands for it."""
    return text.replace("\0", "␀")


def _reason(column: Column, rule: ColumnRule, file_rule: FileRule) -> str:
    if column.kind == "code":
        return f"is not one of {', '.join(column.values)}"
    if column.kind == "boolean":
        return "is not yes or no"
    if column.kind == "text":
        return "holds a NUL character"
    if column.kind in ("date", "month", "timestamp"):
        return f"is not a {column.kind} written as {rule.format or _default_format(column, file_rule)}"
    return f"is not a number that fits {column.sql_type}"


def _mask(values: pa.Array) -> BooleanMask:
    """A Boolean array as numpy, null as False."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)

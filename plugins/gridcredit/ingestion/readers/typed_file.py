"""Reads Parquet, whose values have types, as text. The line of a row is its number plus one, as in a CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.identifiers import FLOAT_MARK, NOT_TEXT_MARK
from gridcredit.ingestion.conversion.invisible import clean_name
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.expansion import check_expanded_size
from gridcredit.ingestion.readers.typed_text import NotTextError, mark, typed_text, unreadable

ROWS_PER_BATCH = 50_000
ZONE_UNKNOWN = (
    "holds INT96 timestamps, which do not say their zone: say `int96: utc` (as Spark writes them) "
    "or `int96: local` (as Hive and Impala do) in the mapping"
)


def parquet_header(path: Path, rule: FileRule) -> list[str]:  # noqa: ARG001 - one signature for all formats
    """The column names; a column without one is named by its place."""
    try:
        names = pyarrow.parquet.read_schema(path).names
        return [clean_name(name) or f"column {place}" for place, name in enumerate(names, start=1)]
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "Parquet", error) from error


def parquet_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:
    """The rows, a bounded number at a time."""
    line = 2
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups)]
            check_expanded_size(path.name, sum(groups), limits.expanded_bytes)
            read, identifiers = rule.sources(), rule.identifier_sources()
            without_zone = _int96_columns(file.schema)
            if rule.int96 is None and (unclear := sorted(without_zone & read)):
                raise FileRefusedError(f"{path.name}: column {unclear[0]!r} {ZONE_UNKNOWN}")
            for batch in file.iter_batches(ROWS_PER_BATCH):
                columns: dict[str, pa.Array] = {}
                for name, array in zip(header, batch.columns, strict=True):
                    if name in without_zone and rule.int96 == "utc":
                        array = pc.assume_timezone(array, "UTC")
                    columns[name] = _text_column(array, rule) if name in read else _unread_column(array, rule)
                    if name in identifiers:
                        columns[name] = _marked(columns[name], array.type, rule)
                yield Batch(columns, np.arange(line, line + batch.num_rows, dtype=np.int64), [])
                line += batch.num_rows
    except NotTextError as error:
        raise FileRefusedError(f"{path.name}: column {name!r} {error}") from error
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "Parquet", error) from error


def _int96_columns(schema: pyarrow.parquet.ParquetSchema) -> set[str]:
    return {one.path for one in (schema.column(n) for n in range(len(schema))) if one.physical_type == "INT96"}


def _marked(texts: pa.Array, kind: pa.DataType, rule: FileRule) -> pa.Array:
    """Identifiers with a mark where their type is none of an identifier; decimals without a fraction are whole."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_floating(kind):
        return mark(texts, FLOAT_MARK)
    if pa.types.is_decimal(kind):
        return pc.if_else(pc.match_substring(texts, rule.decimal_separator), mark(texts, NOT_TEXT_MARK), texts)
    return mark(texts, NOT_TEXT_MARK) if pa.types.is_temporal(kind) or pa.types.is_boolean(kind) else texts


def _unread_column(array: pa.Array, rule: FileRule) -> pa.Array:
    """What nothing reads, as text of whatever kind: it must not hinder the rest."""
    try:
        return _text_column(array, rule)
    except NotTextError:
        texts = ["" if value is None else json.dumps(value, default=_plain) for value in _values(array)]
        return pa.array(texts, pa.string())


def _values(array: pa.Array) -> list[object]:
    """The values; one that Python has no type for, such as the year 11476, as text."""
    try:
        return list(array.to_pylist())
    except (OverflowError, ValueError):
        return [_value(one) for one in array]


def _value(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return f"{getattr(scalar, 'value', 'a value')} ({scalar.type})"


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _text_column(array: pa.Array, rule: FileRule) -> pa.Array:
    if pa.types.is_string(array.type):
        return array.fill_null("")
    if pa.types.is_nested(array.type):
        raise NotTextError(f"is nested ({array.type}): ask for it as columns of its own")
    if pa.types.is_null(array.type):
        return pa.repeat(pa.scalar(""), len(array))
    if isinstance(array.type, pa.BaseExtensionType):
        return pa.array([typed_text(value, rule) for value in _values(array)], pa.string())
    if pa.types.is_large_string(array.type):
        return array.cast(pa.string()).fill_null("")
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    # These are as `_text` writes them, a column at a time; beyond six places Arrow would write an exponent.
    if pa.types.is_integer(array.type) or pa.types.is_date32(array.type):
        return array.cast(pa.string()).fill_null("")
    if pa.types.is_decimal(array.type) and 0 < array.type.scale <= 6:
        plain = pc.utf8_rtrim(pc.utf8_rtrim(array.cast(pa.string()), "0"), ".")
        return pc.replace_substring(plain, ".", rule.decimal_separator).fill_null("")
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    short = encoded.dictionary.type in (pa.float16(), pa.float32())
    values = encoded.dictionary.to_numpy(zero_copy_only=False) if short else _values(encoded.dictionary)
    texts = pa.array([typed_text(value, rule) for value in values], pa.string())
    return texts.take(encoded.indices).fill_null("")

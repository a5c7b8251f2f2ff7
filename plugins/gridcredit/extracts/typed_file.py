"""Reads Parquet and XLSX, whose values have types, as text.

The line of a row is its row in the sheet; in Parquet, which has no header row, the row's number plus one, as in a CSV.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from gridcredit.errors import FileRefusedError
from gridcredit.extracts.batch import Batch, LineNumbers
from gridcredit.extracts.expansion import check_expanded_size
from gridcredit.extracts.limits import ReadLimits
from gridcredit.extracts.mapping import FileRule

ROWS_PER_BATCH = 50_000
XLSX_EXPANDED_BYTES = 1 << 30
CENT = 0.01


def parquet_header(path: Path, rule: FileRule) -> list[str]:  # noqa: ARG001 - one signature for all formats
    """The column names."""
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise _refusal(path, "Parquet", error) from error


def parquet_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:
    """The rows, a bounded number at a time."""
    line = 2
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            groups = [file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups)]
            check_expanded_size(path.name, sum(groups), limits.expanded_bytes)
            read = rule.sources()
            for batch in file.iter_batches(ROWS_PER_BATCH):
                columns: dict[str, pa.Array] = {}
                for name, array in zip(header, batch.columns, strict=True):
                    columns[name] = _text_column(array, rule) if name in read else _unread_column(array, rule)
                yield Batch(columns, np.arange(line, line + batch.num_rows, dtype=np.int64), [])
                line += batch.num_rows
    except _NotTextError as error:
        raise FileRefusedError(f"{path.name}: column {name!r} {error}") from error
    except (pa.ArrowException, OSError) as error:
        raise _refusal(path, "Parquet", error) from error


class _NotTextError(Exception):
    """Why a column's values cannot be read as text."""


def _unread_column(array: pa.Array, rule: FileRule) -> pa.Array:
    """What nothing reads, as text of whatever kind: it must not hinder the rest."""
    try:
        return _text_column(array, rule)
    except _NotTextError:
        texts = ["" if value is None else json.dumps(value, default=_plain) for value in array.to_pylist()]
        return pa.array(texts, pa.string())


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _text_column(array: pa.Array, rule: FileRule) -> pa.Array:
    if pa.types.is_string(array.type):
        return array.fill_null("")
    if pa.types.is_nested(array.type):
        raise _NotTextError(f"is nested ({array.type}): ask for it as columns of its own")
    if pa.types.is_null(array.type):
        return pa.repeat(pa.scalar(""), len(array))
    if isinstance(array.type, pa.BaseExtensionType):
        return pa.array([_text(value, rule) for value in array.to_pylist()], pa.string())
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
    values = encoded.dictionary.to_numpy(zero_copy_only=False) if short else encoded.dictionary.to_pylist()
    texts = pa.array([_text(value, rule) for value in values], pa.string())
    return texts.take(encoded.indices).fill_null("")


def xlsx_header(path: Path, rule: FileRule) -> list[str]:
    """The first row of the first sheet."""
    return next((row for _, row in _sheet_rows(path, rule)), [])


def xlsx_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:  # noqa: ARG001
    """The rows after the header; a row without any value is no row."""
    rows = _sheet_rows(path, rule)
    next(rows, None)
    filled = ((line, row) for line, row in rows if any(row))
    while chunk := list(islice(filled, ROWS_PER_BATCH)):
        lines: LineNumbers = np.array([line for line, _ in chunk], dtype=np.int64)
        values = zip(*(row[: len(header)] + [""] * (len(header) - len(row)) for _, row in chunk), strict=True)
        yield Batch(
            {name: pa.array(column, pa.string()) for name, column in zip(header, values, strict=True)}, lines, []
        )


def _archive_size(path: Path) -> int:
    """What the archive says its parts expand to; reading stops there, whatever follows."""
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist())


def _sheet_rows(path: Path, rule: FileRule) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook

    try:
        # A sheet's texts are held in memory, so they must be within what XLSX is for.
        check_expanded_size(path.name, _archive_size(path), XLSX_EXPANDED_BYTES)
        with path.open("rb") as stream:
            workbook = load_workbook(stream, read_only=True, data_only=True)
            try:
                for line, row in enumerate(workbook.worksheets[0].iter_rows(values_only=True), start=1):
                    yield line, [_text(value, rule) for value in row]
            finally:
                workbook.close()
    except FileRefusedError:
        raise
    except Exception as error:  # a broken workbook makes its parser's many parts raise whatever they raise
        raise _refusal(path, "XLSX", error) from error


def _text(value: object, rule: FileRule) -> str:
    """A typed value as text: dates and times by ISO 8601, decimals without exponent or needless zeros."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, np.floating):
        # Its shortest digits, where they are sure to the cent; else it must not pass for a number.
        if not np.spacing(abs(value)) < CENT:
            return f"{value} ({value.dtype})"
        value = Decimal(str(value))
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bytes):
        try:
            return value.decode(rule.encoding)
        except UnicodeDecodeError as error:
            raise _NotTextError(f"holds bytes that are not text in {rule.encoding}: ask for it as text") from error
    if isinstance(value, int | Decimal):
        text = f"{value:f}"
        plain = text.rstrip("0").rstrip(".") if "." in text else text
        return plain.replace(".", rule.decimal_separator)
    return str(value)


def _refusal(path: Path, kind: str, error: Exception) -> FileRefusedError:
    return FileRefusedError(f"{path.name}: cannot be read as {kind}: {' '.join(str(error).split())[:300]}")

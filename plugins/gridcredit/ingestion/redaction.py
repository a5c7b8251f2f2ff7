"""What delivered rows and files say of customers whose persons are erased: found by value, and blanked.

A value is a whole field. Only where no fields can be distinguished, as in a broken line, words of the text are
compared.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import FileRefusedError
from gridcredit.files.csv_line import to_line
from gridcredit.files.limits import ReadLimits
from gridcredit.files.private import write_private
from gridcredit.ingestion.batch import Batch, BooleanMask, Malformed
from gridcredit.ingestion.conversion.convert import column_text
from gridcredit.ingestion.conversion.invisible import clean_name
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.csv_file import is_gzip
from gridcredit.ingestion.readers.reader import read_batches, read_header
from gridcredit.persons.pseudonyms import ERASED

# Free text that people write, in which names may stand; no figure reads it.
FREE_TEXT = {"investigation": "finding", "warning_acknowledgement": "note"}
# Attributes that are texts: what raw holds of them is erased by their names (operations/erasure.py), files by column.
ATTRIBUTES = {"customer_attribute": "value"}
# How workbooks, Parquet and archives begin, and how much of a file that cannot be read as a table is searched.
PACKED = (b"PK", b"PAR1", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")
SEARCHED_BYTES = 256 << 20
Outcome = Literal["nothing", "redacted", "removed", "not searched"]


@dataclass(frozen=True)
class Named:
    """The customers whose persons are erased, and the names of those persons where they are known."""

    customers: frozenset[str]
    names: frozenset[str] = frozenset()

    def lines(self, batch: Batch, rule: FileRule | None, file_name: str, *, by_name: bool) -> list[int]:
        """The lines of a batch that are about them; `by_name` also rows with another customer's number and their
        name.
        """
        of_customer, without_customer = self._customers_of(batch, rule, file_name)
        named = self._holds(batch, self.names)
        found = of_customer | (named if by_name else named & without_customer)
        return [int(line) for line in batch.line_no[found]] + [
            bad.line_no for bad in batch.malformed if self.in_text(bad.text)
        ]

    def in_text(self, text: str) -> bool:
        """Whether a text in which no fields can be distinguished names one of them."""
        spelt = {spelling for name in self.names for spelling in (name, name.replace('"', '""'))}
        words = self.customers | {name for name in spelt if len(name) == 1}
        return any(name in text for name in spelt - words) or any(
            re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words
        )

    def _customers_of(self, batch: Batch, rule: FileRule | None, file_name: str) -> tuple[BooleanMask, BooleanMask]:
        """Which rows are of the customers, as delivered or as the mapping makes their number, and which are of
        nobody.
        """
        found = self._holds(batch, self.customers)
        nobody = np.ones(batch.row_count, dtype=bool)
        for _, part in rule.parts() if rule else ():
            column = part.rule_of("customer_id")
            if rule and all(source in batch.columns for source in column.sources()):
                text = column_text(batch, column, rule, file_name)
                found |= _is_in(text, self.customers)
                nobody &= np.asarray(pc.is_null(text))
        return found, nobody

    @staticmethod
    def _holds(batch: Batch, values: Collection[str]) -> BooleanMask:
        found = np.zeros(batch.row_count, dtype=bool)
        for column in batch.columns.values() if values else ():
            found |= _is_in(pc.utf8_trim_whitespace(column), values)
        return found


def redact_file(
    path: Path,
    rule: FileRule | None,
    file_name: str,
    named: Named,
    limits: ReadLimits,
    *,
    by_name: bool,
    lines: Collection[int] = (),
) -> Outcome:
    """Blank what a stored file says of them, beside the lines given; what is no CSV, or not read as one, is removed
    whole.
    """
    try:
        found = set(lines)
        if rule and not found and not by_name and set(read_header(path, rule)) <= _retained_columns(rule):
            return "nothing"
        for batch in read_batches(path, rule, limits) if rule else ():
            found |= set(named.lines(batch, rule, file_name, by_name=by_name))
    except FileRefusedError:
        rule = None
    if rule is None:
        text = _text_of(path)
        if not lines and (text is None or not named.in_text(text)):
            return "not searched" if text is None else "nothing"
    elif not found:
        return "nothing"
    content = _redacted(path, rule, found, named) if rule and rule.format == "csv" else None
    if content is None:
        path.unlink()
        return "removed"
    write_private(path, content)
    return "redacted"


def batch_of(header: list[str] | None, rows: list[tuple[int, list[str], str]]) -> Batch:
    """Rows by line, fields and text as they are read from a file; without the header's number of fields they are
    malformed.
    """
    whole = [row for row in rows if header and len(row[1]) == len(header)]
    columns = zip(*(fields for _, fields, _ in whole), strict=True) if whole else [[] for _ in header or ()]
    return Batch(
        {name: pa.array(values, pa.string()) for name, values in zip(header or (), columns, strict=True)},
        np.array([line for line, _, _ in whole], dtype=np.int64),
        [Malformed(line, text, "") for line, fields, text in rows if not header or len(fields) != len(header)],
    )


def _redacted(path: Path, rule: FileRule, lines: Collection[int], named: Named) -> bytes | None:
    """A CSV file's content without what its lines say of persons; None where they are not records of their own."""
    packed = path.read_bytes()
    is_packed = is_gzip(path)
    try:
        text = (gzip.decompress(packed) if is_packed else packed).decode(rule.encoding)
        physical = io.StringIO(text, newline="\n").readlines()
        reader = csv.reader(physical, delimiter=rule.delimiter)
        for _ in range(rule.header_row - 1):
            next(reader)
        header = [clean_name(name.removeprefix("\ufeff").strip('"')) for name in next(reader)]
        retained = _retained_columns(rule)
        rows, missing = physical[: reader.line_num], set(lines)
        start = reader.line_num
        for fields in reader:
            record, first = "".join(physical[start : reader.line_num]), start + 1
            start = reader.line_num
            if first in missing:
                missing.discard(first)
                end = record[len(record.rstrip("\r\n")) :]
                if len(fields) == len(header):
                    blanked = [
                        field if not field or (name in retained and field.strip() not in named.names) else ERASED
                        for name, field in zip(header, fields, strict=True)
                    ]
                    record = to_line(blanked, rule.delimiter) + end
                else:
                    record = ERASED + end
            rows.append(record)
    except (UnicodeError, EOFError, OSError, zlib.error, csv.Error, StopIteration):
        return None
    if missing:
        return None
    content = "".join(rows).encode(rule.encoding)
    return gzip.compress(content, mtime=0) if is_packed else content


def _retained_columns(rule: FileRule) -> set[str]:
    """The source columns in which no person is named: what extracts read, but for personal columns and free text."""
    retained: set[str] = set()
    personal: set[str] = set()
    for name, part in rule.parts():
        for column in EXTRACTS[name].columns:
            is_personal = bool(column.personal) or (FREE_TEXT | ATTRIBUTES).get(name) == column.name
            (personal if is_personal else retained).update(part.rule_of(column.name).sources())
        retained.update(condition.tested for condition in part.conditions())
    return retained - personal


def _is_in(values: pa.Array, wanted: Collection[str]) -> BooleanMask:
    return np.asarray(pc.is_in(values, pa.array(sorted(wanted), pa.string())), dtype=bool)


def _text_of(path: Path) -> str | None:
    """All that a file may say, in the encodings that are met; None where its content is packed, or too much to be
    held.
    """
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as stream:
            content = stream.read(SEARCHED_BYTES + 1)
    except (EOFError, OSError, zlib.error):
        return None
    if len(content) > SEARCHED_BYTES or content.startswith(PACKED):
        return None
    return "\n".join(content.decode(encoding, errors="ignore") for encoding in ("utf-8", "gb18030", "utf-16"))

"""The load of one extract of one file: its batches prepared and written, its rows counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from psycopg import sql

from gridcredit.contract.shapes import Extract
from gridcredit.files.csv_line import to_line
from gridcredit.ingestion.batch import Batch, BooleanMask, no_rows
from gridcredit.ingestion.conversion.conventions import Conventions, advice
from gridcredit.ingestion.conversion.convert import Converted, storable, unread_columns
from gridcredit.ingestion.conversion.parts import convert_parts
from gridcredit.ingestion.deliveries.repair import Repair
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule
from gridcredit.ingestion.open_copy import OpenCopy
from gridcredit.lake.load_file import LoadFile
from gridcredit.persons.pseudonyms import Pseudonyms
from gridcredit.warehouse.raw_tables import partition

QuarantinedRow = tuple[int, str, int, str, str | None, str | None, str]
QUARANTINE_COPY = sql.SQL(
    "copy quarantine.rows (file_id, extract, line_no, row_text, column_name, value, reason) from stdin"
)
QUARANTINE_BATCH = 10_000
CopyFormat = Literal["text", "csv"]
# What COPY takes for the beginning of an escape, in text.
_BACKSLASH = ord("\\")


@dataclass
class Counts:
    """What became of one file's rows in one extract, and of its lines, of which each may make several rows.

    A line with a row in quarantine is quarantined, another with a row that was accepted or repeated is used, and the
    rest is set aside. Lines without a value are no rows, and none of these. `set_aside` has the rows that each
    condition took out.
    """

    read: int = 0
    accepted: int = 0
    quarantined: int = 0
    filtered: int = 0
    repeated: int = 0
    lines: int = 0
    lines_used: int = 0
    lines_quarantined: int = 0
    lines_without_values: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class PreparedBatch:
    """One batch of one extract, ready to be written: accepted rows, also as COPY reads them, and the rows for
    quarantine.
    """

    accepted: list[tuple[pa.Table, CopyFormat, memoryview]]
    quarantined: list[QuarantinedRow]
    counts: Counts


class ExtractLoad:
    """The load of one extract of one file: prepares and writes batches, and counts."""

    def __init__(
        self,
        extract: Extract,
        part: ExtractRule,
        rule: FileRule,
        file_id: int,
        unread: list[str],
        pseudonyms: Pseudonyms,
        lake_file: LoadFile | None = None,
        repair: Repair | None = None,
    ) -> None:
        self.extract, self.parts, self.rule, self.file_id, self.unread = extract, part.parts(), rule, file_id, unread
        self.has_tombstones = any(one.deleted for one in self.parts)
        self.pseudonyms, self.lake_file, self.repair = pseudonyms, lake_file, repair
        self.counts = Counts()
        self.first_fault = ""
        self.conventions: dict[str, Conventions] = defaultdict(Conventions)
        self.noticed: list[str] = []
        self.quarantined: list[QuarantinedRow] = []
        self.seen: set[tuple[object, ...]] = set()
        self.source_lines: dict[int, int] = {}
        columns = [column.name for column in extract.columns] + ["_line_no"]
        columns += ["_deleted"] if self.has_tombstones else []
        columns += ["_extra"] if unread else []
        self.copies = {
            form: sql.SQL("copy {} ({}) from stdin (format {}, null '')").format(
                partition(extract.name, file_id), sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(form)
            )
            for form in get_args(CopyFormat)
        }

    def prepare(self, batch: Batch, file_name: str) -> PreparedBatch:
        """Type one batch and part the good rows from the bad; needs no database."""
        if self.repair is not None:
            batch, file_name = self.repair.part_of(batch, self.extract.name), self.repair.file_name
            self.source_lines.update(zip(batch.line_no.tolist(), batch.source_lines.tolist(), strict=True))
        prepared = PreparedBatch([], [], Counts(read=len(batch.malformed)))
        rejected = self._malformed(batch)
        counts = prepared.counts
        used, bad = no_rows(batch.row_count), no_rows(batch.row_count)
        for converted, keep in convert_parts(batch, self.extract, self.parts, self.rule, file_name, self.seen):
            rows = self._accepted(converted, batch, keep)
            prepared.accepted.append((rows, *_as_copied(rows)))
            rejected.extend(self._rejected(converted, batch))
            for column, found in converted.conventions.items():
                self.conventions[column] += found
            accepted = int(keep.sum())
            counts.read += batch.row_count
            counts.accepted += accepted
            counts.filtered += converted.filtered
            counts.repeated += int(converted.keep.sum()) - accepted
            counts.set_aside += converted.set_aside
            used |= converted.keep
            bad[[rejected.index for rejected in converted.rejected]] = True
        counts.quarantined = len(rejected)
        prepared.quarantined.extend(_one_of_each_line(rejected))
        counts.lines = batch.row_count + len(batch.malformed)
        counts.lines_without_values = batch.lines_without_values
        counts.lines_used = int((used & ~bad).sum())
        counts.lines_quarantined = int(bad.sum()) + len(batch.malformed)
        self._note_first_fault(prepared.quarantined)
        return prepared

    @property
    def notes(self) -> list[str]:
        """What a person should check."""
        empty = self.counts.lines_without_values
        # A blank line at the end is common.
        without_values = [f"{empty} lines hold no value, and are no rows"] if empty > 1 else []
        return [*advice(self.conventions), *without_values, *self.noticed]

    def write(self, copy: OpenCopy, part: PreparedBatch) -> None:
        """Write one batch's accepted rows to raw and to the lake, and the others to quarantine as soon as they are
        many.
        """
        if part.counts.accepted:
            for rows, form, written in part.accepted:
                copy.into(self.copies[form]).write(written)
                if self.lake_file is not None:
                    self.lake_file.write(rows)
        self.quarantined += part.quarantined
        if len(self.quarantined) >= QUARANTINE_BATCH:
            self.write_quarantined(copy)
        for counted in fields(Counts):
            setattr(self.counts, counted.name, getattr(self.counts, counted.name) + getattr(part.counts, counted.name))

    def write_quarantined(self, copy: OpenCopy) -> None:
        """Write the rows that wait for quarantine."""
        for row in self.quarantined:
            copy.into(QUARANTINE_COPY).write_row(row)
        self.quarantined = []

    def _accepted(self, converted: Converted, batch: Batch, keep: BooleanMask) -> pa.Table:
        columns = converted.rows | self._personal_columns(converted) | {"_line_no": pa.array(batch.line_no)}
        if self.has_tombstones:
            columns["_deleted"] = pa.array(converted.deleted)
        if self.unread:
            columns["_extra"] = unread_columns(batch, self.unread)
        table = pa.table(columns)
        if not keep.all():
            table = table.filter(pa.array(keep))
        return table

    def _personal_columns(self, converted: Converted) -> dict[str, pa.Array]:
        """Personal columns as they are stored; names are touched only where a customer's persons were erased."""
        columns: dict[str, pa.Array] = {}
        if self.extract.named and self.pseudonyms.erased_customers:
            columns["value"] = self._without_texts(
                converted, [one.name for one in self.extract.named if one.kind == "text"]
            )
        for name, kind in self.extract.personal_columns.items():
            if kind == "name" and not self.pseudonyms.erased_customers:
                continue
            customers = converted.rows["customer_id"].to_pylist()
            values = converted.rows[name].to_pylist()
            columns[name] = pa.array(
                [
                    self.pseudonyms.stored(kind, value, customer)
                    for value, customer in zip(values, customers, strict=True)
                ],
                pa.string(),
            )
        return columns

    def _without_texts(self, converted: Converted, texts: list[str]) -> pa.Array:
        """The values of attributes, but for texts of customers whose persons were erased."""
        of_erased = pc.is_in(
            converted.rows["customer_id"], pa.array(sorted(self.pseudonyms.erased_customers), pa.string())
        )
        of_texts = pc.is_in(converted.rows["name"], pa.array(texts, pa.string()))
        return pc.if_else(pc.and_(of_erased, of_texts), pa.scalar(None, pa.string()), converted.rows["value"])

    def _malformed(self, batch: Batch) -> list[QuarantinedRow]:
        return [
            (self.file_id, self.extract.name, bad.line_no, storable(bad.text), None, None, bad.reason)
            for bad in batch.malformed
        ]

    def _rejected(self, converted: Converted, batch: Batch) -> Iterator[QuarantinedRow]:
        for bad in converted.rejected:
            values = [array[bad.index].as_py() for array in batch.columns.values()]
            text, value = storable(to_line(values, self.rule.delimiter)), bad.value and storable(bad.value)
            yield self.file_id, self.extract.name, int(batch.line_no[bad.index]), text, bad.column, value, bad.reason

    def _note_first_fault(self, rows: list[QuarantinedRow]) -> None:
        if rows and not self.first_fault:
            _, _, line_no, _, column, _, reason = min(rows, key=lambda row: row[2])
            self.first_fault = f"line {line_no}, {f'column {column} ' if column else ''}{reason}"


def _one_of_each_line(rows: list[QuarantinedRow]) -> list[QuarantinedRow]:
    """Of a line that makes several bad rows one, with all their reasons: it is repaired as a whole."""
    lines: dict[int, QuarantinedRow] = {}
    for row in rows:
        _, _, line_no, _, column, _, reason = row
        if first := lines.get(line_no):
            row = (*first[:6], f"{first[6]}; {column or 'row'} {reason}")
        lines[line_no] = row
    return list(lines.values())


def _as_copied(table: pa.Table) -> tuple[CopyFormat, memoryview]:
    """Rows as COPY reads them: as text with tabs where no value needs a quote, which is a fifth less work than CSV."""
    # An empty text would be read as null.
    has_empty = any(pc.any(pc.equal(pc.binary_length(column), 0)).as_py() for column in _texts(table))
    if not has_empty:
        with suppress(pa.ArrowInvalid):
            plain = _written(table, quoting_style="none", delimiter="\t")
            if _BACKSLASH not in np.frombuffer(plain, np.uint8):
                return "text", plain
    return "csv", _written(table, quoting_style="needed")


def _texts(table: pa.Table) -> list[pa.ChunkedArray]:
    return [column for column in table.columns if pa.types.is_string(column.type)]


def _written(table: pa.Table, **options: str) -> memoryview:
    buffer = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, buffer, pyarrow.csv.WriteOptions(include_header=False, **options))
    return memoryview(buffer.getvalue())

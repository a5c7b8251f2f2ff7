"""Takes the trailer, a last line that states the number of rows, off a file's rows and holds the file to it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.mapping.rules import FileRule


def without_trailer(batches: Iterator[Batch], path: Path, rule: FileRule) -> Iterator[Batch]:
    """The same batches without the file's last record.

    Raises:
        FileRefusedError: the last record is not the trailer, or states another number of rows.
    """
    rows = 0
    held: Batch | None = None
    for batch in batches:
        if not batch.row_count and not batch.malformed:
            continue
        if held is not None:
            rows += held.row_count + len(held.malformed)
            yield held
        held = batch
    if held is None:
        raise FileRefusedError(f"{path.name}: is cut short: it has no trailer")
    last, text = _split_last(held, rule.delimiter)
    found = re.fullmatch(rule.trailer or "", text.rstrip(rule.delimiter))
    if found is None:
        raise FileRefusedError(f"{path.name}: is cut short: its last line is not the trailer")
    rows += last.row_count + len(last.malformed)
    if not found.group(1):
        raise FileRefusedError(f"{path.name}: its trailer states no number of rows")
    if found.group(1).lstrip("0") != str(rows or ""):
        raise FileRefusedError(f"{path.name}: has {rows} rows, its trailer says {found.group(1)}")
    yield last


def _split_last(batch: Batch, delimiter: str) -> tuple[Batch, str]:
    """The batch without its last record, and that record's text."""
    last_row = int(batch.line_no[-1]) if batch.row_count else 0
    if batch.malformed and batch.malformed[-1].line_no > last_row:
        return Batch(batch.columns, batch.line_no, batch.malformed[:-1]), batch.malformed[-1].text
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(
        array[-1].as_py() for array in batch.columns.values()
    )
    shorter = {name: array.slice(0, batch.row_count - 1) for name, array in batch.columns.items()}
    return Batch(shorter, batch.line_no[:-1], batch.malformed), line.getvalue()

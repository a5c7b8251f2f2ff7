"""Reads a delivered file of any format in bounded memory: one way in, whatever the format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.invisible import clean_name
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers import csv_file, typed_file, xlsx_file
from gridcredit.ingestion.readers.trailer import without_trailer
from gridcredit.ingestion.row_keys import with_row_keys

HEADERS = {"csv": csv_file.read_header, "parquet": typed_file.parquet_header, "xlsx": xlsx_file.read_header}
BATCHES = {"csv": csv_file.read_batches, "parquet": typed_file.parquet_batches, "xlsx": xlsx_file.read_batches}


def read_header(path: Path, rule: FileRule) -> list[str]:
    """The header's column names; refuses what is not a readable, non-empty file with a sound header."""
    if not path.exists():
        raise FileRefusedError(f"{path.name}: no such file")
    if not path.is_file():
        raise FileRefusedError(f"{path.name}: is a {'directory' if path.is_dir() else 'special file'}, not a file")
    try:
        if path.stat().st_size == 0:
            raise FileRefusedError(f"{path.name}: is empty: it has no header")
        header = _named([clean_name(name) for name in HEADERS[rule.format](path, rule)])
    except PermissionError as error:
        raise FileRefusedError(f"{path.name}: may not be read: grant the pipeline's user read rights") from error
    except OSError as error:
        raise FileRefusedError(f"{path.name}: cannot be read: {error.strerror}") from error
    if any("\0" in name for name in header):
        raise FileRefusedError(f"{path.name}: the header holds a NUL character")
    if not header:
        raise FileRefusedError(f"{path.name}: is empty: it has no header in line {rule.header_row}")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise FileRefusedError(f"{path.name}: the header names {', '.join(sorted(twice))} twice")
    return header


def _named(header: list[str]) -> list[str]:
    """The columns up to the last one with a name; those without are named by their place."""
    width = max((place for place, name in enumerate(header, start=1) if name), default=0)
    return [name or f"column {place}" for place, name in enumerate(header[:width], start=1)]


def unread_parts(path: Path, rule: FileRule) -> list[str]:
    """What is in the file besides the rows that are read, each as a sentence."""
    sheets = xlsx_file.other_sheets(path, rule) if rule.format == "xlsx" else []
    return [f"sheets not read: {', '.join(sheets)}; `sheet` in the mapping names the one that is"] if sheets else []


def read_batches(path: Path, rule: FileRule, limits: ReadLimits, seen: Counter[str] | None = None) -> Iterator[Batch]:
    """The file's rows after the header, in batches, without its trailer. `seen` counts the rows that came before them,
    where a row is known by what it holds.

    Raises:
        FileRefusedError: the file cannot be read on, is too large when expanded, or breaks its trailer's promise.
    """
    batches = BATCHES[rule.format](path, rule, read_header(path, rule), limits)
    batches = without_trailer(batches, path, rule) if rule.trailer else batches
    return with_row_keys(batches, rule, seen or Counter()) if rule.delivery == "cumulative" else batches

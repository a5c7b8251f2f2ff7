"""Reads a delivered file of any format in bounded memory: one way in, whatever the format."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.invisible import clean_name
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers import csv_file, typed_file, xlsx_file
from gridcredit.ingestion.readers.trailer import without_trailer
from gridcredit.ingestion.row_keys import with_row_keys
from gridcredit.ingestion.stored_names import refuse_unprintable

HEADERS = {"csv": csv_file.read_header, "parquet": typed_file.parquet_header, "xlsx": xlsx_file.read_header}
BATCHES = {"csv": csv_file.read_batches, "parquet": typed_file.parquet_batches, "xlsx": xlsx_file.read_batches}
ZIP, UTF_16 = "a ZIP archive", "UTF-16"
# What files begin with.
_KINDS = {
    b"PAR1": "parquet",
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a workbook of the old kind (XLS), or one with a password",
    b"%PDF": "a PDF",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xff\xfe": UTF_16,
    b"\xfe\xff": UTF_16,
}


def read_header(path: Path, rule: FileRule) -> list[str]:
    """The header's column names; refuses what is not a readable, non-empty file with a sound header."""
    refuse_unprintable(path)
    if not path.exists():
        raise FileRefusedError(f"{path.name}: no such file")
    if not path.is_file():
        raise FileRefusedError(f"{path.name}: is a {'directory' if path.is_dir() else 'special file'}, not a file")
    try:
        if path.stat().st_size == 0:
            raise FileRefusedError(f"{path.name}: is empty: it has no header")
        _check_kind(path, rule)
        header = _named([clean_name(name) for name in HEADERS[rule.format](path, rule)])
    except PermissionError as error:
        raise FileRefusedError(f"{path.name}: may not be read: grant the pipeline's user read rights") from error
    except OSError as error:
        raise FileRefusedError(f"{path.name}: cannot be read: {error.strerror}") from error
    if any("\0" in name for name in header):
        raise FileRefusedError(f"{path.name}: the header holds a NUL character: is it written in UTF-16?")
    if not header:
        raise FileRefusedError(f"{path.name}: is empty: it has no header in line {rule.header_row}")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise FileRefusedError(f"{path.name}: the header names {', '.join(sorted(twice))} twice")
    return header


def _check_kind(path: Path, rule: FileRule) -> None:
    """Refuse a file that is of another kind than its rule says."""
    with path.open("rb") as file:
        start = file.read(8)
    kind = next((name for magic, name in _KINDS.items() if start.startswith(magic)), None)
    if kind == ZIP and (rule.format == "xlsx" or "xl/workbook.xml" in _names(path)):
        kind = "xlsx"
    if kind in (None, rule.format):
        return
    if kind in HEADERS:
        raise FileRefusedError(f"{path.name}: is {kind}, and its rule reads {rule.format}: say `format: {kind}`")
    if kind != UTF_16:
        raise FileRefusedError(f"{path.name}: is {kind}: deliver it as csv, parquet or xlsx")
    if rule.format == "csv" and not rule.encoding.startswith("utf-16"):
        raise FileRefusedError(f"{path.name}: is written in UTF-16, not in {rule.encoding}: say `encoding: utf-16`")


def _names(path: Path) -> list[str]:
    """The names in an archive; none where it is broken."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return []


def _without_absent(batches: Iterator[Batch], rule: FileRule) -> Iterator[Batch]:
    """The batches, with nothing where a text stands for no value in a column that is read."""
    absent = pa.array(rule.absent, pa.string())
    for batch in batches:
        read = {name: batch.columns[name] for name in rule.sources() & batch.columns.keys()}
        plain = {
            name: pc.if_else(pc.is_in(pc.utf8_trim_whitespace(values), absent), pa.scalar(""), values)
            for name, values in read.items()
        }
        yield replace(batch, columns=batch.columns | plain)


def _named(header: list[str]) -> list[str]:
    """The columns up to the last one with a name; those without are named by their place."""
    width = max((place for place, name in enumerate(header, start=1) if name), default=0)
    return [name or f"column {place}" for place, name in enumerate(header[:width], start=1)]


def doubts(path: Path, rule: FileRule) -> list[str]:
    """What of the file as a whole a person should look at, each as a sentence."""
    if rule.format == "xlsx":
        return xlsx_file.unread_sheets(path, rule)
    return csv_file.open_end(path, rule) if rule.format == "csv" else []


def read_batches(path: Path, rule: FileRule, limits: ReadLimits, seen: Counter[str] | None = None) -> Iterator[Batch]:
    """The file's rows after the header, in batches, without its trailer. `seen` counts the rows that came before them,
    where a row is known by what it holds.

    Raises:
        FileRefusedError: the file cannot be read on, is too large when expanded, or breaks its trailer's promise.
    """
    batches = BATCHES[rule.format](path, rule, read_header(path, rule), limits)
    batches = without_trailer(batches, path, rule) if rule.trailer else batches
    batches = _without_absent(batches, rule) if rule.absent else batches
    return with_row_keys(batches, rule, seen or Counter()) if rule.delivery == "cumulative" else batches

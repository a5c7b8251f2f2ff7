"""Reads CSV, also gzipped, in bounded memory."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from gridcredit.errors import FileRefusedError
from gridcredit.extracts.batch import Batch, LineNumbers, Malformed
from gridcredit.extracts.expansion import LimitedStream
from gridcredit.extracts.limits import ReadLimits
from gridcredit.extracts.mapping import FileRule

HEADER_BYTES = 1 << 20


def read_header(path: Path, rule: FileRule) -> list[str]:
    """The first record, which must lie within the first megabyte."""
    try:
        with _open_bytes(path) as stream:
            start = codecs.getincrementaldecoder(_codec(rule))().decode(stream.read(HEADER_BYTES))
        return next(csv.reader(io.StringIO(start, newline=""), delimiter=rule.delimiter), [])
    except (UnicodeError, EOFError, csv.Error, gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(path, rule, error) from error


def read_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:
    """The rows after the header; a blank line is no row."""
    skipped: list[tuple[int, str, int]] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        skipped.append((row.number, row.text, row.actual_columns))
        return "skip"

    names = [str(position) for position in range(len(header))]
    lines = _LineCounter()
    try:
        with _open_bytes(path, limits) as stream:
            reader = pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=limits.batch_bytes, column_names=names, encoding=rule.encoding
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=rule.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
            first = True
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    break
                arrays = batch.columns
                numbers, malformed = lines.number(arrays, skipped, len(header))
                start = 1 if first else 0  # the header is the first record
                first = False
                arrays, numbers = [array.slice(start) for array in arrays], numbers[start:]
                blank = _blank(arrays)
                if blank.any():
                    keep = pa.array(~blank)
                    arrays, numbers = [array.filter(keep) for array in arrays], numbers[~blank]
                yield Batch(dict(zip(header, arrays, strict=True)), numbers, malformed)
            rest = lines.flush(skipped, len(header))
            if rest:
                empty = {name: pa.array([], pa.string()) for name in header}
                yield Batch(empty, np.array([], dtype=np.int64), rest)
    except (pa.ArrowInvalid, UnicodeError, EOFError, OSError, zlib.error) as error:
        raise _refusal(path, rule, error) from error


class _LineCounter:
    """Turns the parser's record numbers into line numbers, also where quoted values hold line breaks."""

    def __init__(self) -> None:
        self.records = 0
        self.lines = 0

    def number(
        self, arrays: list[pa.Array], skipped: list[tuple[int, str, int]], fields: int
    ) -> tuple[LineNumbers, list[Malformed]]:
        """Line numbers of the batch's rows; takes from `skipped` the malformed records that lie among them."""
        count = len(arrays[0])
        breaks = _line_breaks(arrays, count)
        among: list[tuple[int, str, int]] = []
        while skipped and skipped[0][0] <= self.records + count + len(among) + 1:
            among.append(skipped.pop(0))
        is_malformed = np.zeros(count + len(among), dtype=bool)
        is_malformed[np.array([number - self.records - 1 for number, _, _ in among], dtype=np.int64)] = True
        spans = np.ones(count + len(among), dtype=np.int64)
        spans[~is_malformed] += breaks
        spans[is_malformed] += np.array([text.count("\n") for _, text, _ in among], dtype=np.int64)
        first_lines = self.lines + 1 + np.concatenate([[0], np.cumsum(spans)[:-1]]).astype(np.int64)
        self.records += len(spans)
        self.lines += int(spans.sum())
        malformed = [
            Malformed(int(line), text, f"has {actual} fields where the header has {fields}")
            for line, (_, text, actual) in zip(first_lines[is_malformed], among, strict=True)
        ]
        return first_lines[~is_malformed], malformed

    def flush(self, skipped: list[tuple[int, str, int]], fields: int) -> list[Malformed]:
        """What is left when the last batch has been read."""
        return self.number([pa.array([], pa.string())], skipped, fields)[1]


def _line_breaks(arrays: list[pa.Array], count: int) -> LineNumbers:
    breaks = np.zeros(count, dtype=np.int64)
    for array in arrays:
        data = array.buffers()[2]
        if data is not None and b"\n" in memoryview(data).tobytes():
            breaks += pc.count_substring(array, "\n").to_numpy(zero_copy_only=False)
    return breaks


def _blank(arrays: list[pa.Array]) -> npt.NDArray[np.bool_]:
    blank = np.ones(len(arrays[0]), dtype=bool)
    for array in arrays:
        if not blank.any():
            break
        blank &= pc.equal(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    return blank


def _open_bytes(path: Path, limits: ReadLimits | None = None) -> IO[bytes]:
    with path.open("rb") as probe:
        is_gzip = probe.read(2) == b"\x1f\x8b"
    if not is_gzip:
        return path.open("rb")
    expanded = cast(IO[bytes], gzip.GzipFile(path))
    return cast(IO[bytes], LimitedStream(expanded, path.name, limits.expanded_bytes)) if limits else expanded


def _codec(rule: FileRule) -> str:
    return "utf-8-sig" if rule.encoding == "utf-8" else rule.encoding


def _refusal(path: Path, rule: FileRule, error: Exception) -> FileRefusedError:
    text = " ".join(str(error).split())
    if isinstance(error, UnicodeError) or "UTF8" in text or "UTF-8" in text:
        return FileRefusedError(f"{path.name}: is not written in {rule.encoding}{_undecodable_line(path, rule)}")
    if "straddling" in text:
        return FileRefusedError(f"{path.name}: a quote is opened and never closed, or a record is too long to be one")
    return FileRefusedError(f"{path.name}: cannot be read as CSV: {re.sub(r'^CSV parse error: ', '', text)[:300]}")


def _undecodable_line(path: Path, rule: FileRule) -> str:
    with suppress(EOFError, OSError, zlib.error), _open_bytes(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(rule.encoding)
            except UnicodeDecodeError:
                return f" (line {number})"
    return ""

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
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from gridcredit.errors import FileRefusedError
from gridcredit.files.csv_line import to_line
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch, LineNumbers, Malformed, nameless_reason, no_rows
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.expansion import LimitedStream
from gridcredit.ingestion.readers.sound_lines import STRAY_QUOTE, SoundLines, count_lines, header_pattern, nth_line

HEADER_BYTES = 1 << 20


def read_header(path: Path, rule: FileRule) -> list[str]:
    """The first record, which must lie within the first megabyte."""
    try:
        with _open_text(path, rule) as stream:
            return _header(path, stream.read(HEADER_BYTES), rule)[0]
    except (UnicodeError, EOFError, csv.Error, gzip.BadGzipFile, zlib.error) as error:
        raise _refusal(path, rule, error) from error


def _header(path: Path, start: bytes, rule: FileRule) -> tuple[list[str], int]:
    """The header's fields, and the number of bytes up to its end."""
    begin = nth_line(start, rule.header_row)
    match = header_pattern(rule.delimiter).match(start + b"\n", begin)
    if match is None:
        raise FileRefusedError(f"{path.name}: the header holds a stray quote: double it or take it out")
    text = match.group().decode("utf-8-sig")
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=rule.delimiter), []), match.end()


def read_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:
    """The rows after the header; a blank line is no row."""
    skipped: list[tuple[int, str, int]] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        skipped.append((row.number, row.text, row.actual_columns))
        return "skip"

    try:
        with _open_text(path, rule, limits) as stream:
            start = stream.read(HEADER_BYTES)
            fields, begin = _header(path, start, rule)
            names = [str(position) for position in range(len(fields))]
            multiline = [name in rule.multiline_columns() for name in header] + [False] * (len(fields) - len(header))
            lines_before = count_lines(start[:begin])
            rows = SoundLines(
                _Resumed(start[begin:], stream), rule.delimiter, multiline, lines_before, limits.batch_bytes
            )
            lines = _LineCounter(lines_before - 1, multiline, rows.stray)
            reader = pyarrow.csv.open_csv(
                rows,
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=limits.batch_bytes, column_names=names
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=rule.delimiter,
                    newlines_in_values=any(multiline),
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
                numbers, malformed = lines.number(arrays, skipped)
                begin = 1 if first else 0  # the header is the first record
                first = False
                arrays, numbers = [array.slice(begin) for array in arrays], numbers[begin:]
                blank = _blank(arrays)
                without_values = int(blank.sum())
                if without_values:
                    keep = pa.array(~blank)
                    arrays, numbers = [array.filter(keep) for array in arrays], numbers[~blank]
                yield replace(
                    _named_columns(header, arrays, numbers, malformed, rule.delimiter),
                    lines_without_values=without_values,
                )
            rest = lines.flush(skipped)
            if rest:
                empty = {name: pa.array([], pa.string()) for name in header}
                yield Batch(empty, np.array([], dtype=np.int64), rest)
    except (pa.ArrowInvalid, UnicodeError, EOFError, OSError, zlib.error) as error:
        raise _refusal(path, rule, error) from error


def _named_columns(
    header: list[str], arrays: list[pa.Array], numbers: LineNumbers, malformed: list[Malformed], delimiter: str
) -> Batch:
    """The batch without the columns to the right that have no name; a row with a value there is malformed."""
    nameless = arrays[len(header) :]
    is_stray = ~_blank(nameless) if nameless else no_rows(len(numbers))
    if is_stray.any():
        for index in np.flatnonzero(is_stray):
            fields = [array[int(index)].as_py() for array in arrays]
            place = next(place for place, field in enumerate(fields, start=1) if place > len(header) and field)
            malformed.append(Malformed(int(numbers[index]), to_line(fields, delimiter), nameless_reason(place)))
        malformed.sort(key=lambda one: one.line_no)
        keep = pa.array(~is_stray)
        arrays, numbers = [array.filter(keep) for array in arrays], numbers[~is_stray]
    return Batch(dict(zip(header, arrays, strict=False)), numbers, malformed)


class _LineCounter:
    """Turns the parser's record numbers into line numbers, also where quoted values hold line breaks."""

    def __init__(self, lines: int, multiline: list[bool], stray: dict[int, str]) -> None:
        self.records = 0
        self.lines, self.multiline, self.stray = lines, multiline, stray

    def number(
        self, arrays: list[pa.Array], skipped: list[tuple[int, str, int]]
    ) -> tuple[LineNumbers, list[Malformed]]:
        """Line numbers of the batch's rows; takes from `skipped` the malformed records that lie among them."""
        count = len(arrays[0])
        among: list[tuple[int, str, int]] = []
        while skipped and skipped[0][0] <= self.records + count + len(among) + 1:
            among.append(skipped.pop(0))
        is_malformed = np.zeros(count + len(among), dtype=bool)
        is_malformed[np.array([number - self.records - 1 for number, _, _ in among], dtype=np.int64)] = True
        spans = np.ones(count + len(among), dtype=np.int64)
        spans[~is_malformed] += self._line_breaks(arrays, count)
        first_lines = self.lines + 1 + np.concatenate([[0], np.cumsum(spans)[:-1]]).astype(np.int64)
        self.records += len(spans)
        self.lines += int(spans.sum())
        malformed = [
            self._malformed(int(line), text, actual)
            for line, (_, text, actual) in zip(first_lines[is_malformed], among, strict=True)
        ]
        return first_lines[~is_malformed], malformed

    def flush(self, skipped: list[tuple[int, str, int]]) -> list[Malformed]:
        """What is left when the last batch has been read."""
        return self.number([pa.array([], pa.string()) for _ in self.multiline], skipped)[1]

    def _malformed(self, line: int, text: str, fields: int) -> Malformed:
        stray = self.stray.pop(line, None)
        if stray is not None:
            return Malformed(line, stray, STRAY_QUOTE)
        return Malformed(line, text, f"has {fields} fields where the header has {len(self.multiline)}")

    def _line_breaks(self, arrays: list[pa.Array], count: int) -> LineNumbers:
        breaks = np.zeros(count, dtype=np.int64)
        for array, may_have in zip(arrays, self.multiline, strict=True):
            if may_have:
                breaks += pc.count_substring_regex(array, "\r\n|\r|\n").to_numpy(zero_copy_only=False)
        return breaks


def _blank(arrays: list[pa.Array]) -> npt.NDArray[np.bool_]:
    blank = np.ones(len(arrays[0]), dtype=bool)
    for array in arrays:
        if not blank.any():
            break
        blank &= pc.equal(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)
    return blank


def open_end(path: Path, rule: FileRule) -> list[str]:
    """What is said of a file that ends within a line, as one does that was cut short.

    Nothing where a trailer or a manifest vouches for its end, or where it is packed: a packed file knows its own.
    """
    if rule.trailer or rule.manifest or is_gzip(path):
        return []
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 2, 0))
        # In UTF-16 a line end is two bytes.
        if file.read().strip(b"\0").endswith((b"\n", b"\r")):
            return []
    return [
        "its last line has no line end: if the file was cut short, values of that line are too, and lines are missing; "
        "compare it with its source. A `trailer` or `manifest` in the mapping lets the sender vouch for it"
    ]


def is_gzip(path: Path) -> bool:
    """Whether a file is packed by gzip."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_start(path: Path, size: int) -> bytes:
    """The first bytes of a file, unpacked where it is packed."""
    with _open_bytes(path) as stream:
        return stream.read(size)


def _open_bytes(path: Path, limits: ReadLimits | None = None) -> IO[bytes]:
    if not is_gzip(path):
        return path.open("rb")
    expanded = cast(IO[bytes], gzip.GzipFile(path))
    return cast(IO[bytes], LimitedStream(expanded, path.name, limits.expanded_bytes)) if limits else expanded


class _Resumed:
    """A stream of which the beginning was read already."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self.start, self.stream = start, stream

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, or the beginning that was read."""
        start, self.start = self.start, b""
        return start or self.stream.read(size)


class _Utf8(io.BufferedIOBase):
    """A stream of text in another encoding as UTF-8.

    A file that is UTF-8 already is refused where each byte would pass for a letter: Ã¶ in the place of ö.
    """

    def __init__(self, stream: IO[bytes], encoding: str, file_name: str) -> None:
        self.stream, self.decoder = stream, codecs.getincrementaldecoder(encoding)()
        self.encoding, self.file_name, self.has_letters = encoding, file_name, False
        self.utf8 = codecs.getincrementaldecoder("utf-8")() if _is_of_single_bytes(encoding) else None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The text of up to `size` bytes of the other encoding."""
        text = ""
        while not text:
            block = self.stream.read(-1 if size is None else size)
            text = self.decoder.decode(block, final=not block)
            self._look_for_utf8(block)
            if not block:
                break
        return text.encode()

    def _look_for_utf8(self, block: bytes) -> None:
        if self.utf8 is None:
            return
        self.has_letters |= not block.isascii()
        try:
            self.utf8.decode(block, final=not block)
        except UnicodeDecodeError:
            self.utf8 = None
            return
        if not block and self.has_letters:
            raise FileRefusedError(f"{self.file_name}: is written in utf-8, not in {self.encoding}")

    def close(self) -> None:
        self.stream.close()
        super().close()


def _open_text(path: Path, rule: FileRule, limits: ReadLimits | None = None) -> IO[bytes]:
    stream = _open_bytes(path, limits)
    return stream if rule.encoding == "utf-8" else cast(IO[bytes], _Utf8(stream, rule.encoding, path.name))


def _is_of_single_bytes(encoding: str) -> bool:
    """Whether each byte is a letter or none, whatever stands beside it."""
    return len(bytes(range(0xC0, 0x100)).decode(encoding, "replace")) == 0x40 and encoding != "utf-8"


def _refusal(path: Path, rule: FileRule, error: Exception) -> FileRefusedError:
    text = " ".join(str(error).split())
    if isinstance(error, UnicodeError) or "UTF8" in text or "UTF-8" in text:
        return FileRefusedError(f"{path.name}: is not written in {rule.encoding}{_undecodable_line(path, rule)}")
    if "straddling" in text:
        return FileRefusedError(f"{path.name}: a record is too long to be one")
    return FileRefusedError(f"{path.name}: cannot be read as CSV: {re.sub(r'^CSV parse error: ', '', text)[:300]}")


def _undecodable_line(path: Path, rule: FileRule) -> str:
    with suppress(EOFError, OSError, zlib.error), _open_bytes(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode(rule.encoding)
            except UnicodeDecodeError:
                return f" (line {number})"
    return ""

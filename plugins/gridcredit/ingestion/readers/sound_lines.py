"""Confines a stray quote to its own line: a CSV parser would read on to the next quote, and swallow the rows between.

A line is sound when each quoted value ends on it and no quote stands inside a value that is not quoted. A record that
goes over several lines is one only where its line breaks are in columns that may have them, and its fields are as many
as the header's. Any other line with quotes is taken out, and stands in the parser's input as one that it must skip.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.ingestion.batch import LineNumbers

STRAY_QUOTE = (
    "holds a stray quote: double it or take it out; line breaks in quotes count only in columns marked `multiline: "
    "true`"
)
# As far as a quoted value is followed over line breaks.
RECORD_BYTES = 1 << 17
LINE_END = rb"(?:\r\n|\r|\n)"


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def header_pattern(delimiter: str) -> re.Pattern[bytes]:
    """A record of any number of fields, each of which may hold line breaks when quoted."""
    separator = _separator(delimiter)
    field = _field(separator, b"")
    return re.compile(b"(?:" + codecs.BOM_UTF8 + b")?" + field + b"(?:" + separator + field + b")*" + LINE_END)


def count_lines(data: bytes) -> int:
    """How many line ends there are, by whichever of the three conventions."""
    returns = data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0
    return data.count(b"\n") + returns


def nth_line(data: bytes, number: int) -> int:
    """Where a line begins, counted from 1; the end of the data where there are fewer."""
    ends = re.compile(LINE_END).finditer(data)
    return (
        next((match.end() for count, match in enumerate(ends, start=2) if count == number), len(data))
        if number > 1
        else 0
    )


class SoundLines(io.BufferedIOBase):
    """A stream of UTF-8 CSV rows; `stray` holds the lines taken out, by their numbers in the file."""

    def __init__(
        self, stream: _Bytes, delimiter: str, multiline: list[bool], lines_before: int, block_bytes: int
    ) -> None:
        self.stream, self.block_bytes, self.lines = stream, block_bytes, lines_before
        self.stray: dict[int, str] = {}
        # With one field too many.
        self.skipped = delimiter.encode() * len(multiline) + b"\n"
        # The first row given stands for the header.
        self.header = self.skipped[1:]
        self.ready = b""
        self.rest = b""
        separator = _separator(delimiter)
        plain = _field(separator, rb"\r\n")
        self.sound = (b"^" + plain + b"(?:" + separator + plain + rb")*[\r\n]*$").decode()
        fields = [_field(separator, b"" if breaks else rb"\r\n") for breaks in multiline]
        self.record = re.compile(separator.join(fields) + LINE_END) if any(multiline) else None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes."""
        while not self.ready:
            # What is given then fits into what is asked for, so that the parser's blocks stay large.
            block = self.stream.read(max(self.block_bytes - len(self.rest), self.block_bytes >> 3, 1))
            data = self.rest + block if self.rest else block
            if not data and not self.header:
                return b""
            if data and not block and not data.endswith((b"\n", b"\r")):
                data += b"\n"
            # A carriage return at the very end may be half of a line end.
            end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1 if block else len(data)
            if not end and len(data) > 2 * self.block_bytes:
                end = len(data)  # too long for a line, as the parser will find
            checked, taken = self._checked(data[:end], at_end=not block)
            self.ready, self.rest = self.header + checked if self.header else checked, data[taken:]
            self.header = b""
        count = len(self.ready) if size is None or size < 0 else size
        given, self.ready = self.ready[:count], self.ready[count:]
        return given

    def _checked(self, data: bytes, at_end: bool) -> tuple[bytes, int]:
        """The lines without what is stray, and how many bytes were read."""
        if b'"' not in data:
            self.lines += count_lines(data)
            return data, len(data)
        starts = _line_starts(data)
        pieces: list[bytes] = []
        done, resume, taken = 0, 0, len(data)
        for index in self._unsound(data, starts):
            start = int(starts[index])
            if start < resume:
                continue  # within a record that goes over several lines
            if self.record:
                match = self.record.match(data, start, start + RECORD_BYTES)
                if match:
                    resume = match.end()
                    continue
                if not at_end and start + RECORD_BYTES > len(data):
                    taken = start
                    break
            end = int(starts[index + 1])
            self.stray[self.lines + int(index) + 1] = data[start:end].rstrip(b"\r\n").decode()
            pieces += [data[done:start], self.skipped]
            done = end
        self.lines += int(np.searchsorted(starts, taken))
        return (b"".join([*pieces, data[done:taken]]) if done else data[:taken]), taken

    def _unsound(self, data: bytes, starts: LineNumbers) -> LineNumbers:
        offsets = pa.py_buffer(starts.astype(np.int32))
        lines = pa.Array.from_buffers(pa.binary(), len(starts) - 1, [None, offsets, pa.py_buffer(data)])
        quoted = np.flatnonzero(pc.match_substring(lines, '"').to_numpy(zero_copy_only=False))
        if len(quoted) < len(lines):
            lines = lines.take(pa.array(quoted))
        sound = np.asarray(pc.match_substring_regex(lines, self.sound).to_numpy(zero_copy_only=False), dtype=bool)
        return np.asarray(quoted[~sound], dtype=np.int64)


def _separator(delimiter: str) -> bytes:
    return re.escape(delimiter).encode()


def _field(separator: bytes, not_in_quotes: bytes) -> bytes:
    """A value, quoted or not."""
    inside = b'[^"' + not_in_quotes + b"]*"
    return b'(?:"' + inside + b'(?:""' + inside + b')*"|[^"' + separator + rb"\r\n]*)"


def _line_starts(data: bytes) -> LineNumbers:
    """Where each line begins, and the end; the data ends with a line end."""
    text = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    if b"\r" in data:
        returns = np.flatnonzero(text == ord("\r"))
        followed = np.append(text[1:], 0)[returns] == ord("\n")
        ends = np.sort(np.concatenate([ends, returns[~followed]]))
    return np.concatenate([[0], ends + 1]).astype(np.int64)

"""The shape in which every file format is read: batches of text columns, each row with the line it begins on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LineNumbers = npt.NDArray[np.int64]
BooleanMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Malformed:
    """A record that does not have the header's number of fields."""

    line_no: int
    text: str
    reason: str


def nameless_reason(place: int) -> str:
    """Why a row with a value to the right of the header's names is malformed."""
    return f"has a value in column {place}, which the header does not name"


@dataclass(frozen=True)
class Batch:
    """Rows of a file as text: `columns` by header name, `line_no` counted from 1, the header included.

    `row_keys` distinguish rows by what they hold, where files are cumulative. `source_line_no` are the lines that
    repaired rows have in their own file. Lines without a value are no rows.
    """

    columns: dict[str, pa.Array]
    line_no: LineNumbers
    malformed: list[Malformed]
    row_keys: pa.Array | None = None
    lines_without_values: int = 0
    source_line_no: LineNumbers | None = None

    @property
    def source_lines(self) -> LineNumbers:
        """By which lines rows are known: those of the file, or of the one that they were repaired of."""
        return self.line_no if self.source_line_no is None else self.source_line_no

    @property
    def row_count(self) -> int:
        return len(self.line_no)


def to_mask(values: pa.Array) -> BooleanMask:
    """A Boolean array as numpy, null as False."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def no_rows(count: int) -> BooleanMask:
    """A mask of so many rows that marks none."""
    return np.zeros(count, dtype=bool)


def by_distinct(
    text: pa.Array, arrow_type: pa.DataType, parse: Callable[[str], object]
) -> tuple[pa.Array, BooleanMask]:
    """Parse each distinct value once; the mask marks values that are there but do not parse."""
    encoded = text.dictionary_encode()
    parsed = [parse(value) for value in encoded.dictionary.to_pylist()]
    typed = pa.array(parsed, arrow_type).take(encoded.indices)
    return typed, to_mask(pc.and_(pc.is_null(typed), pc.is_valid(text)))


def is_ascii(values: pa.Array) -> bool:
    """Whether no value holds anything but ASCII; seen in the bytes, without a look at each value."""
    return codes_within(values, "\0", "\x7f")


def codes_within(values: pa.Array, first: str, last: str) -> bool:
    """Whether all bytes of the values are within a range of ASCII; none are."""
    data = values.buffers()[2]
    if data is None or not data.size:
        return True
    codes = np.frombuffer(data, np.uint8)
    return int(codes.max()) <= ord(last) and int(codes.min()) >= ord(first)


def clean(values: pa.Array) -> pa.Array:
    """The values without spaces around them; null where there is nothing."""
    # Nothing to trim where no value holds a space of any kind, as in most columns.
    return filled_or_null(values if codes_within(values, "!", "~") else pc.utf8_trim_whitespace(values))


def filled_or_null(values: pa.Array) -> pa.Array:
    """The values; null where they are empty."""
    is_empty = pc.equal(pc.binary_length(values), 0)
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), values) if pc.any(is_empty).as_py() else values

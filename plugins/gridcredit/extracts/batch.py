"""The shape in which every file format is read: batches of text columns, each row with the line it begins on."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Batch:
    """Rows of a file as text: `columns` by header name, `line_no` counted from 1, the header included."""

    columns: dict[str, pa.Array]
    line_no: LineNumbers
    malformed: list[Malformed]

    @property
    def row_count(self) -> int:
        return len(self.line_no)


def to_mask(values: pa.Array) -> BooleanMask:
    """A Boolean array as numpy, null as False."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)
